#pragma once
// Which of many streams have changed, with a bound on how many of those listed have not.

#include <cstddef>
#include <span>
#include <vector>

namespace mlops {

// The e-BH procedure (Wang and Ramdas, 2022): of the streams listed, at most the share `fdr` is
// listed wrongly on average, however the e-values depend on each other. Ascending places.
std::vector<std::size_t> list_changed(std::span<const double> e_values, double fdr);

}  // namespace mlops
