#pragma once
// Floats to bytes and back, as QuantizeLinear and DequantizeLinear of ONNX Runtime do it.

#include <cstddef>
#include <cstdint>

#include "gemm/byte_layer.h"

namespace mlops {

// `count` floats: divided by the scale, kept within what a byte holds, rounded to the nearest or
// even. NaN is the least.
void to_bytes(const float* values, std::size_t count, ByteScale scale, std::uint8_t* out);
void to_floats(const std::uint8_t* bytes, std::size_t count, ByteScale scale, float* out);

// The same without vectors, for processors that lack them and as what is compared with.
void to_bytes_plain(const float* values, std::size_t count, ByteScale scale, std::uint8_t* out);

}  // namespace mlops
