#pragma once
// What exporters of tabular pipelines put before a forest, value by value: ONNX-ML's Scaler and
// Imputer. Computed in float, with ONNX Runtime's operations in its order, so to the bit.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace mlops {

struct RowStep {
  enum class Kind : std::uint8_t { scale, impute };
  Kind kind = Kind::scale;
  // One for all columns, or one for each. scale: (x - first) * second.
  std::vector<float> first;
  std::vector<float> second;
  float replaced = 0;  // impute: by `first`; may be NaN

  // False where the lists have neither one number nor `width` of them.
  bool fits(std::size_t width) const;
  void apply(float* rows, std::size_t count, std::size_t width) const;
  // About what `y` came from, in a column: to find rows that reach a threshold.
  float undo(float y, std::size_t column) const;
};

}  // namespace mlops
