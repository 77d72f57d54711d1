#include "detect/ks_two_sample.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace mlops {

std::int64_t ks_steps(std::span<const double> a, std::span<const double> b) {
  std::size_t i = 0, j = 0;
  std::int64_t most = 0;
  while (i < a.size() && j < b.size()) {
    const double value = std::min(a[i], b[j]);
    while (i < a.size() && a[i] == value) ++i;
    while (j < b.size() && b[j] == value) ++j;
    most = std::max(most, std::abs(static_cast<std::int64_t>(i) - static_cast<std::int64_t>(j)));
  }
  return most;
}

double ks_tail(std::int64_t n, std::int64_t steps) {
  if (steps <= 0) return 1;
  const double size = static_cast<double>(n);
  double tail = 0, sign = 1;
  for (std::int64_t reach = steps; reach <= n; reach += steps, sign = -sign) {
    const double r = static_cast<double>(reach);
    tail += sign * std::exp(2 * std::lgamma(size + 1) - std::lgamma(size - r + 1) -
                            std::lgamma(size + r + 1));
  }
  return std::min(1.0, 2 * tail);
}

}  // namespace mlops
