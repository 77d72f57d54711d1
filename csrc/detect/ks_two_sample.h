#pragma once
// The Kolmogorov-Smirnov distance of two samples of equal size, and its exact law.

#include <cstdint>
#include <span>

namespace mlops {

// n times the largest difference between the two empirical distributions: a whole number. Both are
// sorted and of one size.
std::int64_t ks_steps(std::span<const double> a, std::span<const double> b);

// The chance that two samples of size n from one continuous distribution are `steps` / n or more
// apart: 2 * sum over k >= 1 of (-1)^(k-1) C(2n, n - k steps) / C(2n, n), by reflection of paths.
double ks_tail(std::int64_t n, std::int64_t steps);

}  // namespace mlops
