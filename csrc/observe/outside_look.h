#pragma once
// A second look at a block of a tile in which something is out of range, which of random rows every
// other tile has. For the compiler to make vectors of, with each kernel's own instructions.

#include <cstddef>
#include <cstdint>
#include <limits>

#include "observe/fold_kernel.h"

namespace mlops {

struct alignas(64) Outside {
  std::uint32_t below[kBlockColumns];  // -inf too
  std::uint32_t above[kBlockColumns];
  // Where there are infinities.
  std::uint32_t low[kBlockColumns];  // -inf
  std::uint32_t high[kBlockColumns];
  float min[kBlockColumns];  // of finite values
  float max[kBlockColumns];
};

// All columns abreast. Sums are local ones: nothing else is where they are.
[[gnu::always_inline]] inline void look_below_and_above(const float* tile, std::size_t stride,
                                                        std::size_t rows, const BlockEdges& edges,
                                                        Outside& found) {
  alignas(64) std::uint32_t below[kBlockColumns] = {};
  alignas(64) std::uint32_t above[kBlockColumns] = {};
  for (std::size_t row = 0; row < rows; ++row) {
    const float* const x = tile + row * stride;
    for (std::size_t c = 0; c < kBlockColumns; ++c) {
      below[c] += x[c] < edges.min[c];
      above[c] += x[c] > edges.max[c];
    }
  }
  for (std::size_t c = 0; c < kBlockColumns; ++c) {
    found.below[c] = below[c];
    found.above[c] = above[c];
  }
}

[[gnu::always_inline]] inline void look_at_infinities(const float* tile, std::size_t stride,
                                                      std::size_t rows, Outside& found) {
  constexpr float kUnbounded = std::numeric_limits<float>::infinity();
  Outside sums;
  for (std::size_t c = 0; c < kBlockColumns; ++c) {
    sums.low[c] = sums.high[c] = 0;
    sums.min[c] = kUnbounded;
    sums.max[c] = -kUnbounded;
  }
  for (std::size_t row = 0; row < rows; ++row) {
    const float* const x = tile + row * stride;
    for (std::size_t c = 0; c < kBlockColumns; ++c) {
      const bool is_low = x[c] == -kUnbounded;
      const bool is_high = x[c] == kUnbounded;
      sums.low[c] += is_low;
      sums.high[c] += is_high;
      sums.min[c] = x[c] < sums.min[c] && !is_low ? x[c] : sums.min[c];
      sums.max[c] = x[c] > sums.max[c] && !is_high ? x[c] : sums.max[c];
    }
  }
  for (std::size_t c = 0; c < kBlockColumns; ++c) {
    found.low[c] = sums.low[c];
    found.high[c] = sums.high[c];
    found.min[c] = sums.min[c];
    found.max[c] = sums.max[c];
  }
}

}  // namespace mlops
