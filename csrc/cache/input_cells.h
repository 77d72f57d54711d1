#pragma once
// Floats that are near each other as one: which cell of a given width a value lies in. Cells lie
// around the multiples of their width, so a value that was rounded to them keeps its cell under
// noise of less than half of it.
//
// No two values in a cell are further apart than its width (but for the last bit of a double). What
// has no cell is its own bits: NaNs, infinities, and values so large that the width is nothing to
// them. 0.0 and -0.0 share one.

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "tensor/dtype.h"
#include "tensor/half.h"

namespace mlops {

constexpr bool has_cells(DType dtype) {
  return dtype == DType::f16 || dtype == DType::bf16 || dtype == DType::f32 || dtype == DType::f64;
}

namespace cells {

constexpr double kCellsMost = 0x1p50;                       // each side of zero
constexpr std::uint64_t kNoCell = std::uint64_t{1} << 63U;  // bits follow; no cell's number

template <class T, class Value, class Word>
void encode_each(std::span<const std::byte> data, double width, Value value, Word word) {
  for (std::size_t at = 0; at + sizeof(T) <= data.size(); at += sizeof(T)) {
    T bits;
    std::memcpy(&bits, data.data() + at, sizeof bits);
    const double cell = std::nearbyint(value(bits) / width);
    if (std::fabs(cell) < kCellsMost) {
      word(static_cast<std::uint64_t>(static_cast<std::int64_t>(cell)));
    } else {  // NaN is not below anything
      word(kNoCell);
      word(bits);
    }
  }
}

}  // namespace cells

// Calls `word` with one or two words for each value; no two lists of cells give the same words.
template <class Word>
void encode_cells(DType dtype, std::span<const std::byte> data, double width, Word word) {
  switch (dtype) {
    case DType::f16:
      return cells::encode_each<std::uint16_t>(data, width, half_to_float, word);
    case DType::bf16:
      return cells::encode_each<std::uint16_t>(data, width, bf16_to_float, word);
    case DType::f32:
      return cells::encode_each<std::uint32_t>(
          data, width, [](std::uint32_t bits) { return std::bit_cast<float>(bits); }, word);
    default:
      return cells::encode_each<std::uint64_t>(
          data, width, [](std::uint64_t bits) { return std::bit_cast<double>(bits); }, word);
  }
}

}  // namespace mlops
