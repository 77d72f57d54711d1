#pragma once
// Which of the versions on disk serve. Pure.

#include <algorithm>
#include <cstdint>
#include <vector>

namespace mlops {

struct VersionPolicy {
  enum class Choice : std::uint8_t { latest, all, specific };
  Choice choice = Choice::latest;
  std::uint32_t latest_count = 1;
  std::vector<std::int64_t> specific;

  // `available` in any order; the result ascends. Specific versions that are not there are left
  // out: missing_versions() names them.
  std::vector<std::int64_t> select(std::vector<std::int64_t> available) const {
    std::ranges::sort(available);
    if (choice == Choice::latest && available.size() > latest_count) {
      available.erase(available.begin(), available.end() - latest_count);
    }
    if (choice == Choice::specific) {
      std::erase_if(available,
                    [&](auto version) { return std::ranges::count(specific, version) == 0; });
    }
    return available;
  }

  std::vector<std::int64_t> missing_versions(const std::vector<std::int64_t>& available) const {
    std::vector<std::int64_t> missing;
    if (choice != Choice::specific) return missing;
    for (const std::int64_t version : specific) {
      if (std::ranges::count(available, version) == 0) missing.push_back(version);
    }
    return missing;
  }

  friend bool operator==(const VersionPolicy&, const VersionPolicy&) = default;
};

}  // namespace mlops
