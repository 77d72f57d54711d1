#include "trees/row_steps.h"

#include <cmath>

namespace mlops {
namespace {

float of_column(const std::vector<float>& list, std::size_t column) {
  return list.size() == 1 ? list[0] : list[column];
}

}  // namespace

bool RowStep::fits(std::size_t width) const {
  const auto fit = [width](const std::vector<float>& list) {
    return list.size() == 1 || list.size() == width;
  };
  return fit(first) && (kind == Kind::impute || fit(second));
}

void RowStep::apply(float* rows, std::size_t count, std::size_t width) const {
  const bool replaces_nan = std::isnan(replaced);
  for (std::size_t row = 0; row < count; ++row, rows += width) {
    for (std::size_t column = 0; column < width; ++column) {
      float& x = rows[column];
      if (kind == Kind::scale) {
        x = (x - of_column(first, column)) * of_column(second, column);
      } else if (replaces_nan ? std::isnan(x) : x == replaced) {
        x = of_column(first, column);
      }
    }
  }
}

float RowStep::undo(float y, std::size_t column) const {
  if (kind == Kind::impute) return y;
  return y / of_column(second, column) + of_column(first, column);
}

}  // namespace mlops
