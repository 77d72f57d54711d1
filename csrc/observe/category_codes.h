#pragma once
// From a value to its category's code, for counting. Immutable; lookups allocate nothing.

#include <string_view>
#include <utility>
#include <vector>

#include "observe/reference.h"

namespace mlops {

// Codes travel as floats among the numbers of a row; these are none of a category's.
inline constexpr float kOtherCode = 256;
inline constexpr float kNewCode = 257;

class CategoryCodes {
 public:
  explicit CategoryCodes(const Categories& categories);

  bool of_strings() const { return categories_.of_strings; }
  float code_of(double number) const;  // NaN: NaN, which is missing
  float code_of(std::string_view text) const;

 private:
  float rare_or_new(std::uint64_t hash) const;

  Categories categories_;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> coded_;  // hash and code, ascending
};

}  // namespace mlops
