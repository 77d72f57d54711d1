#pragma once
// A dense layer as quantized ONNX files have it: bytes times bytes, summed exactly in 32 bits,
// scaled, rounded to bytes again. Every step is one that ONNX Runtime makes too, in the same
// precision, so that the answer is the same to the last bit.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace mlops {

// How bytes stand for floats: scale * (byte - zero).
struct ByteScale {
  float scale = 1;
  std::uint8_t zero = 0;

  friend bool operator==(const ByteScale&, const ByteScale&) = default;
};

struct ByteLayer {
  std::size_t inputs = 0;
  std::size_t outputs = 0;
  std::vector<std::int8_t> weights;  // [inputs][outputs]
  std::vector<std::int32_t> bias;    // one for each output, in units of both scales' product
  std::vector<float> weight_scales;  // one for each output
  ByteScale from;                    // of its input
  ByteScale to;                      // of its output
};

// More inputs could leave 32 bits.
inline constexpr std::size_t kByteInputsMax = 32'768;

}  // namespace mlops
