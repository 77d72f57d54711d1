#pragma once
// A tensor is a description plus a view of bytes plus, optionally, the Buffer that keeps them
// alive. Data is dense and row-major; DType::bytes uses the layout of byte_strings.h.

#include <cstddef>
#include <span>

#include "tensor/buffer.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace mlops {

struct Tensor {
  DType dtype = DType::f32;
  Shape shape;
  std::span<const std::byte> bytes;
  Buffer owner;  // may be null when the bytes are kept alive by something else (a request body)
};

// Byte size of a dense tensor; nullopt when the shape is negative or the size overflows, and for
// DType::bytes, whose size is not a function of the shape.
std::optional<std::size_t> dense_size(DType dtype, const Shape& shape);

}  // namespace mlops
