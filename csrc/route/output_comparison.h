#pragma once
// How far one version's outputs are from another's for the same requests, added up: equal, within a
// tolerance, the same best class, the same order of rows, the same distribution. A value; no locks.

#include <array>
#include <cstdint>
#include <string>

#include "tensor/tensor.h"

namespace mlops {

struct OutputComparison {
  static constexpr std::size_t kBins = 64;
  static constexpr std::size_t kBest = 5;

  std::uint64_t answers = 0;
  std::uint64_t unlike = 0;  // of another type or shape: nothing else is compared
  std::uint64_t equal = 0;   // answers, to the bit
  std::uint64_t values = 0;
  std::uint64_t within = 0;      // |a - b| <= 1e-5 + 1e-3 |a|, or both not a number
  std::uint64_t not_finite = 0;  // the shadow's values, where the primary's are finite
  double difference_sum = 0;     // of |a - b|, where both are finite
  double difference_max = 0;
  std::uint64_t ranked_rows = 0;    // rows of at least two values
  std::uint64_t best_same = 0;      // of which have their greatest value in the same column
  std::uint64_t best_shared = 0;    // columns that both have among their kBest greatest, all rows
  std::uint64_t best_possible = 0;  // of so many
  std::uint64_t pairs = 0;          // of neighbouring rows that differ in their first value
  std::uint64_t pairs_same = 0;     // of which are in the same order
  // Values by sign and size: for how far the distributions are apart.
  std::array<std::uint64_t, kBins> primary{};
  std::array<std::uint64_t, kBins> shadow{};

  // Returns the greatest |a - b| of this answer; infinity when they cannot be compared.
  double add(const Tensor& primary_output, const Tensor& shadow_output);
  // Jensen-Shannon distance of the two distributions, base 2: 0 to 1.
  double distance() const;
};

}  // namespace mlops
