#include <algorithm>
#include <cmath>

#include "gemm/layer_kernel.h"

namespace mlops {
namespace {

std::int32_t dot(const PackedLayer& layer, const std::uint8_t* row, std::size_t n) {
  auto sum = static_cast<std::uint32_t>(layer.start[n]);
  for (std::size_t k = 0; k < layer.in_width; ++k) {
    const std::int8_t* tile = layer.tile(n / kTileOutputs, k / kTileInputs);
    const std::int8_t weight =
        tile[k % kTileInputs / 4 * kTileInputs + n % kTileOutputs * 4 + k % 4];
    sum += static_cast<std::uint32_t>(std::int32_t{row[k]} * weight);
  }
  return static_cast<std::int32_t>(sum);
}

}  // namespace

void run_layer_plain(const PackedLayer& layer, const std::uint8_t* in, std::size_t rows,
                     std::uint8_t* out) {
  const auto least = static_cast<float>(-layer.zero);
  const auto most = static_cast<float>(255 - layer.zero);
  for (std::size_t m = 0; m < rows; ++m) {
    for (std::size_t n = 0; n < layer.out_width; ++n) {
      const auto sum = static_cast<float>(dot(layer, in + m * layer.in_width, n));
      const float value = std::clamp(sum * layer.factor[n], least, most);
      // To the nearest, halves to the even one: the rounding of the whole process.
      const auto rounded = static_cast<std::int32_t>(std::nearbyint(value));
      out[m * layer.out_width + n] = static_cast<std::uint8_t>(rounded + layer.zero);
    }
  }
}

}  // namespace mlops
