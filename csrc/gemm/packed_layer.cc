#include "gemm/packed_layer.h"

#include <cstring>
#include <new>

namespace mlops {
namespace {

constexpr std::align_val_t kAlignment{64};

// Sums wrap as the instructions' do: only the last one has to fit.
std::int32_t wrapped(std::int64_t value) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(value));
}

}  // namespace

void FreeAligned::operator()(void* memory) const { ::operator delete(memory, kAlignment); }

void* allocate_zeros(std::size_t bytes) {
  void* memory = ::operator new(bytes, kAlignment);
  std::memset(memory, 0, bytes);
  return memory;
}

PackedLayer pack_layer(const ByteLayer& layer) {
  PackedLayer packed;
  packed.in_width = padded_width(layer.inputs);
  packed.out_width = padded_width(layer.outputs);
  packed.tiles = aligned_zeros<std::int8_t>(packed.in_width * packed.out_width);
  packed.start = aligned_zeros<std::int32_t>(packed.out_width);
  packed.factor = aligned_zeros<float>(packed.out_width);
  packed.zero = layer.to.zero;
  const std::size_t input_tiles = packed.in_width / kTileInputs;
  std::vector<std::int64_t> sums(layer.outputs, 0);
  for (std::size_t k = 0; k < layer.inputs; ++k) {
    for (std::size_t n = 0; n < layer.outputs; ++n) {
      const std::int8_t weight = layer.weights[k * layer.outputs + n];
      sums[n] += weight;
      const std::size_t tile = n / kTileOutputs * input_tiles + k / kTileInputs;
      const std::size_t line = k % kTileInputs / 4;
      const std::size_t within = n % kTileOutputs * 4 + k % 4;
      packed.tiles[tile * kTileBytes + line * kTileInputs + within] = weight;
    }
  }
  for (std::size_t n = 0; n < layer.outputs; ++n) {
    packed.start[n] = wrapped(layer.bias[n] - std::int64_t{layer.from.zero} * sums[n]);
    // In this order, which is ONNX Runtime's: a product of all three would round otherwise.
    packed.factor[n] = layer.from.scale * layer.weight_scales[n] / layer.to.scale;
  }
  return packed;
}

}  // namespace mlops
