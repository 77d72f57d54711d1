#pragma once
// Lets one event per unit and kind through: users who fail always are one event and not a thousand,
// or an e-process takes their luck of the draw for a fault of the arm. Remembers some 65,000 units;
// the oldest of a set goes first, and would count again.
// A value; no locks.

#include <array>
#include <cstdint>
#include <memory>

namespace mlops {

class EventFilter {
 public:
  // False when this unit's event of this kind has been seen. `unit` 0: nobody in particular, always
  // true. Batches are units too.
  bool first(std::uint64_t unit, std::uint32_t kind);

 private:
  static constexpr std::size_t kWays = 8;
  static constexpr std::size_t kSets = 8192;
  struct Set {
    std::array<std::uint64_t, kWays> keys{};
    std::uint8_t next = 0;  // to be replaced
  };
  std::unique_ptr<std::array<Set, kSets>> sets_ = std::make_unique<std::array<Set, kSets>>();
};

}  // namespace mlops
