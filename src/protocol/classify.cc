#include "protocol/classify.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <vector>

#include "tensor/byte_strings.h"

namespace mlops {
namespace {

struct Rows {
  std::size_t count = 1;
  std::size_t elements = 1;  // of one
};

template <class T>
bool greater(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(a) || std::isnan(b)) return !std::isnan(a) && std::isnan(b);
  }
  return a > b;
}

template <class T>
void append_row(const std::byte* row, std::size_t elements, std::size_t classes,
                std::span<const std::string> labels, std::vector<std::uint32_t>& order,
                std::string& out) {
  const auto score = [row](std::uint32_t i) {
    T value;  // rows of a batch need not be aligned
    std::memcpy(&value, row + i * sizeof(T), sizeof(T));
    return value;
  };
  order.resize(elements);
  std::iota(order.begin(), order.end(), 0U);
  const auto before = [&](std::uint32_t a, std::uint32_t b) {
    const T x = score(a);
    const T y = score(b);
    if (greater(x, y)) return true;
    return !greater(y, x) && a < b;
  };
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(classes),
                    order.end(), before);
  for (std::size_t i = 0; i < classes; ++i) {
    const std::uint32_t index = order[i];
    std::string text = std::to_string(score(index)) + ":" + std::to_string(index);
    if (index < labels.size()) text.append(":").append(labels[index]);
    append_byte_string(out, text);
  }
}

using AppendRow = decltype(&append_row<float>);

// Null for types without an order that means anything here.
AppendRow append_row_of(DType dtype) {
  switch (dtype) {
    case DType::u8:
      return append_row<std::uint8_t>;
    case DType::u16:
      return append_row<std::uint16_t>;
    case DType::u32:
      return append_row<std::uint32_t>;
    case DType::u64:
      return append_row<std::uint64_t>;
    case DType::i8:
      return append_row<std::int8_t>;
    case DType::i16:
      return append_row<std::int16_t>;
    case DType::i32:
      return append_row<std::int32_t>;
    case DType::i64:
      return append_row<std::int64_t>;
    case DType::f32:
      return append_row<float>;
    case DType::f64:
      return append_row<double>;
    default:
      return nullptr;
  }
}

Rows rows_of(const Shape& shape, bool batched) {
  Rows rows;
  const auto dims = shape.dims();
  for (std::size_t axis = 0; axis < dims.size(); ++axis) {
    (batched && axis == 0 ? rows.count : rows.elements) *= static_cast<std::size_t>(dims[axis]);
  }
  return rows;
}

}  // namespace

Result<Tensor> classify(const Tensor& scores, std::size_t classes, bool batched,
                        std::span<const std::string> labels) {
  const AppendRow append = append_row_of(scores.dtype);
  if (!append) {
    return Status::invalid_argument(
        "class result not available for output due to unsupported type '" +
        std::string(kserve_name(scores.dtype)) + "'");
  }
  const Rows rows = rows_of(scores.shape, batched);
  const std::size_t each = std::min(classes, rows.elements);
  if (rows.elements > kClassifiedElementsMax ||
      (each > 0 && rows.count > kClassifiedElementsMax / each)) {
    return Status::invalid_argument("classification output tensor too large");
  }
  std::string text;
  std::vector<std::uint32_t> order;
  const std::size_t row_bytes = rows.elements * size_of(scores.dtype);
  for (std::size_t row = 0; row < rows.count; ++row) {
    append(scores.bytes.data() + row * row_bytes, rows.elements, each, labels, order, text);
  }
  Tensor tensor;
  tensor.dtype = DType::bytes;
  if (batched) tensor.shape.push_back(static_cast<std::int64_t>(rows.count));
  tensor.shape.push_back(static_cast<std::int64_t>(each));
  tensor.owner = allocate_buffer(text.size());
  if (!tensor.owner) return Status::resource_exhausted("no memory for class results");
  tensor.bytes = writable(tensor.owner);
  if (!text.empty()) std::memcpy(tensor.owner->data(), text.data(), text.size());
  return tensor;
}

}  // namespace mlops
