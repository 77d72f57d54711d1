#include "observe/e_bh.h"

#include <algorithm>
#include <numeric>

namespace mlops {

std::vector<std::size_t> list_changed(std::span<const double> e_values, double fdr) {
  std::vector<std::size_t> order(e_values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order,
                           [&](std::size_t a, std::size_t b) { return e_values[a] > e_values[b]; });
  const double needed = static_cast<double>(e_values.size()) / fdr;
  std::size_t listed = 0;
  for (std::size_t k = 1; k <= order.size(); ++k) {
    if (static_cast<double>(k) * e_values[order[k - 1]] >= needed) listed = k;
  }
  order.resize(listed);
  std::ranges::sort(order);
  return order;
}

}  // namespace mlops
