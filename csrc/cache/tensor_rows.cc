#include "cache/tensor_rows.h"

#include "tensor/byte_strings.h"

namespace mlops {

std::optional<TensorRows> TensorRows::cut(const Tensor& tensor, std::size_t rows) {
  if (rows == 0 || tensor.shape.rank() == 0) return std::nullopt;
  if (tensor.shape[0] < 0 || static_cast<std::size_t>(tensor.shape[0]) != rows) return std::nullopt;
  const auto elements = tensor.shape.elements();
  if (!elements) return std::nullopt;
  const std::size_t in_row = static_cast<std::size_t>(*elements) / rows;
  TensorRows cut;
  cut.bytes_ = tensor.bytes;
  if (tensor.dtype != DType::bytes) {
    cut.row_bytes_ = in_row * size_of(tensor.dtype);
    if (cut.row_bytes_ * rows != tensor.bytes.size()) return std::nullopt;
    return cut;
  }
  ByteStringReader reader(tensor.bytes);
  cut.ends_.reserve(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t i = 0; i < in_row; ++i) {
      if (!reader.next()) return std::nullopt;
    }
    cut.ends_.push_back(reader.offset());
  }
  if (reader.offset() != tensor.bytes.size()) return std::nullopt;
  return cut;
}

std::optional<RequestRows> RequestRows::cut(const Request& request) {
  if (request.inputs.empty()) return std::nullopt;
  const Shape& first = request.inputs.front().tensor.shape;
  if (first.rank() == 0 || first[0] <= 0) return std::nullopt;
  RequestRows rows;
  rows.count_ = static_cast<std::size_t>(first[0]);
  rows.inputs_.reserve(request.inputs.size());
  for (const NamedTensor& input : request.inputs) {
    std::optional<TensorRows> cut = TensorRows::cut(input.tensor, rows.count_);
    if (!cut) return std::nullopt;
    rows.inputs_.push_back(*std::move(cut));
  }
  return rows;
}

}  // namespace mlops
