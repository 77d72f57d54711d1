#pragma once
// Writes columns of tensors into a tile's rows: numbers as the nearest float, categories as codes.

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "observe/category_codes.h"
#include "observe/reference.h"
#include "tensor/signature.h"
#include "tensor/tensor.h"

namespace mlops {

// The nearest float; what is finite stays finite.
float nearest_float(double number);

// Elements of a tensor's row; nullopt when the signature leaves them open.
std::optional<std::size_t> columns_of(const TensorSpec& spec);

// Neighbouring columns of one tensor that are neighbours in the tile too.
struct ColumnRun {
  StreamRole role = StreamRole::input;
  std::size_t tensor = 0;  // which input or output of the signature
  std::size_t from = 0;    // column of the tensor
  std::size_t to = 0;      // column of the tile
  std::size_t count = 1;
  std::shared_ptr<const CategoryCodes> codes;  // of one categorical column; null: numbers
};

// Which columns of a model's tensors a reference's streams are. invalid_argument when the
// signature lacks a tensor or column, or a numeric stream is of strings.
Result<std::vector<ColumnRun>> plan_columns(const Reference& reference, const Signature& signature);

// Rows `first` to `first + rows` of a tensor of `columns` elements a row, into `tile`, the first
// column's first row, with `stride` floats from row to row. False: strings that are cut short.
bool stage_run(const ColumnRun& run, const Tensor& tensor, std::size_t columns, std::size_t first,
               std::size_t rows, float* tile, std::size_t stride);

}  // namespace mlops
