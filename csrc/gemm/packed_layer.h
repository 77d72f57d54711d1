#pragma once
// A layer's weights in the order in which kernels read them: tiles of 64 inputs and 16 outputs,
// each of 16 lines of 64 bytes, a line having four inputs of each output beside each other. The
// tiles of the same outputs follow one another. What a tile has too many is zero, so it adds
// nothing.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "gemm/byte_layer.h"

namespace mlops {

inline constexpr std::size_t kTileInputs = 64;
inline constexpr std::size_t kTileOutputs = 16;
inline constexpr std::size_t kTileBytes = kTileInputs * kTileOutputs;
// Activations are read in whole tiles of inputs, whose width the outputs of the layer before have.
inline constexpr std::size_t kWidthStep = kTileInputs;
// Rows that go through all layers together: their activations stay in the nearest cache.
inline constexpr std::size_t kByteRowsMax = 32;

constexpr std::size_t padded_width(std::size_t width) {
  return (width + kWidthStep - 1) / kWidthStep * kWidthStep;
}

struct FreeAligned {
  void operator()(void* memory) const;
};
template <class T>
using AlignedArray = std::unique_ptr<T[], FreeAligned>;

// Zeros, at an address that tiles and vectors like. Throws std::bad_alloc.
void* allocate_zeros(std::size_t bytes);
template <class T>
AlignedArray<T> aligned_zeros(std::size_t count) {
  return AlignedArray<T>(static_cast<T*>(allocate_zeros(count * sizeof(T))));
}

struct PackedLayer {
  std::size_t in_width = 0;   // padded
  std::size_t out_width = 0;  // padded
  AlignedArray<std::int8_t> tiles;
  // By output. The sums of the bytes themselves, the zero point of the input left in them, start
  // here.
  AlignedArray<std::int32_t> start;
  AlignedArray<float> factor;  // from a sum to units of the output's scale
  std::int32_t zero = 0;       // of the output

  const std::int8_t* tile(std::size_t output_tile, std::size_t input_tile) const {
    return tiles.get() + (output_tile * (in_width / kTileInputs) + input_tile) * kTileBytes;
  }
};

// `layer` is sound: sizes fit, at most kByteInputsMax inputs. Throws std::bad_alloc.
PackedLayer pack_layer(const ByteLayer& layer);

}  // namespace mlops
