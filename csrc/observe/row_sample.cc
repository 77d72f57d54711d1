#include "observe/row_sample.h"

#include <algorithm>

namespace mlops {

// Every row offered so far is among the kept ones with the same probability (Vitter's algorithm R).
void RowSample::offer(const float* rows, std::size_t count, std::size_t stride) {
  for (std::size_t i = 0; i < count; ++i) {
    ++offered_;
    std::uint64_t at = kept_;
    if (kept_ < rows_max_) {
      ++kept_;
    } else {
      at = random_() % offered_;
      if (at >= rows_max_) continue;
    }
    std::copy_n(rows + i * stride, columns_, values_.data() + at * columns_);
  }
}

std::vector<float> RowSample::column(std::size_t index) const {
  std::vector<float> values(kept_);
  for (std::size_t row = 0; row < kept_; ++row) values[row] = values_[row * columns_ + index];
  return values;
}

}  // namespace mlops
