#include "observe/category_codes.h"

#include <algorithm>
#include <limits>

#include "observe/stable_hash.h"

namespace mlops {

CategoryCodes::CategoryCodes(const Categories& categories) : categories_(categories) {
  for (std::uint32_t code = 0; code < categories.size(); ++code) {
    coded_.emplace_back(categories.of_strings ? stable_hash(categories.strings[code])
                                              : stable_hash(categories.numbers[code]),
                        code);
  }
  std::ranges::sort(coded_);
}

float CategoryCodes::rare_or_new(std::uint64_t hash) const {
  if (!categories_.all_rare_known) return kOtherCode;
  return std::ranges::binary_search(categories_.rare, hash) ? kOtherCode : kNewCode;
}

float CategoryCodes::code_of(double number) const {
  if (number != number) return std::numeric_limits<float>::quiet_NaN();
  if (categories_.of_strings) return kNewCode;
  const std::uint64_t hash = stable_hash(number);
  auto at = std::ranges::lower_bound(coded_, std::pair{hash, 0U});
  for (; at != coded_.end() && at->first == hash; ++at) {
    if (categories_.numbers[at->second] == number) return static_cast<float>(at->second);
  }
  return rare_or_new(hash);
}

float CategoryCodes::code_of(std::string_view text) const {
  if (!categories_.of_strings) return kNewCode;
  const std::uint64_t hash = stable_hash(text);
  auto at = std::ranges::lower_bound(coded_, std::pair{hash, 0U});
  for (; at != coded_.end() && at->first == hash; ++at) {
    if (categories_.strings[at->second] == text) return static_cast<float>(at->second);
  }
  return rare_or_new(hash);
}

}  // namespace mlops
