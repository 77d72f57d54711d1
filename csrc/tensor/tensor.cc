#include "tensor/tensor.h"

namespace mlops {

std::optional<std::size_t> dense_size(DType dtype, const Shape& shape) {
  const auto elements = shape.elements();
  if (!elements || dtype == DType::bytes) return std::nullopt;
  std::size_t size = 0;
  if (__builtin_mul_overflow(static_cast<std::size_t>(*elements), size_of(dtype), &size)) {
    return std::nullopt;
  }
  return size;
}

}  // namespace mlops
