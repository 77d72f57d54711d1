#include "trees/lane_descent.h"

#include <algorithm>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace mlops {

#if defined(__x86_64__)
namespace {

struct LaneRow {
  __m512i low;  // its columns
  __m512i high;
};

template <bool two_registers>
[[gnu::target("avx512f,avx512bw,avx512vbmi")]] __mmask64 goes_right(const LanePosition& position,
                                                                    __m512i low, __m512i high) {
  // With a mask of all lanes: gcc 12 warns about its own header for the form without one.
  constexpr __mmask64 kAll = ~__mmask64{0};
  const __m512i column = _mm512_load_si512(position.column);
  const __m512i value = two_registers ? _mm512_permutex2var_epi8(low, column, high)
                                      : _mm512_maskz_permutexvar_epi8(kAll, column, low);
  return _mm512_cmpgt_epu8_mask(value, _mm512_load_si512(position.border));
}

template <bool two_registers>
[[gnu::target("avx512f,avx512bw,avx512vbmi")]] __m512i blend(const LanePosition& position,
                                                             const LaneRow& row, __m512i left,
                                                             __m512i right) {
  return _mm512_mask_blend_epi8(goes_right<two_registers>(position, row.low, row.high), left,
                                right);
}

// What the node finds that has these four below its children, of which the first leaf is `leaf`.
template <bool two_registers>
[[gnu::target("avx512f,avx512bw,avx512vbmi")]] __m512i three_levels(const LanePosition& top,
                                                                    const LanePosition* middle,
                                                                    const LanePosition* low,
                                                                    const LaneRow& row,
                                                                    __m512i leaf) {
  const __m512i two = _mm512_set1_epi8(2);
  const __m512i one = _mm512_set1_epi8(1);
  __m512i pair[4];
  for (std::size_t i = 0; i < 4; ++i) {
    pair[i] = blend<two_registers>(low[i], row, leaf, _mm512_add_epi8(leaf, one));
    leaf = _mm512_add_epi8(leaf, two);
  }
  return blend<two_registers>(top, row, blend<two_registers>(middle[0], row, pair[0], pair[1]),
                              blend<two_registers>(middle[1], row, pair[2], pair[3]));
}

// The three lowest levels in registers, the others by way of memory.
template <bool two_registers>
[[gnu::target("avx512f,avx512bw,avx512vbmi")]] void descend(const LanePosition* positions,
                                                            std::uint32_t depth,
                                                            const std::uint8_t* bytes,
                                                            std::uint8_t* found) {
  const LaneRow row{_mm512_load_si512(bytes),
                    two_registers ? _mm512_load_si512(bytes + kLanes) : _mm512_setzero_si512()};
  std::size_t width = std::size_t{1} << (depth - 1);
  const LanePosition* level = positions + width - 1;
  if (width >= 4) {
    const LanePosition* middle = level - width / 2;
    width /= 4;
    const LanePosition* low = std::exchange(level, middle - width);
    for (std::size_t i = 0; i < width; ++i) {
      const __m512i leaf = _mm512_set1_epi8(static_cast<char>(8 * i));
      _mm512_store_si512(found + i * kLanes, three_levels<two_registers>(level[i], middle + 2 * i,
                                                                         low + 4 * i, row, leaf));
    }
  } else {
    for (std::size_t i = 0; i < width; ++i) {
      const __m512i leaf = _mm512_set1_epi8(static_cast<char>(2 * i));
      _mm512_store_si512(found + i * kLanes,
                         blend<two_registers>(level[i], row, leaf,
                                              _mm512_set1_epi8(static_cast<char>(2 * i + 1))));
    }
  }
  while (width > 1) {
    width /= 2;
    level -= width;
    for (std::size_t i = 0; i < width; ++i) {
      const __m512i left = _mm512_load_si512(found + 2 * i * kLanes);
      const __m512i right = _mm512_load_si512(found + (2 * i + 1) * kLanes);
      _mm512_store_si512(found + i * kLanes, blend<two_registers>(level[i], row, left, right));
    }
  }
}

}  // namespace
#endif

void descend_lanes(const LanePosition* positions, std::uint32_t depth, bool two_registers,
                   const std::uint8_t* bytes, std::uint8_t* found) {
  if (depth == 0) {
    std::fill_n(found, kLanes, std::uint8_t{0});
    return;
  }
#if defined(__x86_64__)
  if (two_registers) {
    descend<true>(positions, depth, bytes, found);
  } else {
    descend<false>(positions, depth, bytes, found);
  }
#else
  static_cast<void>(positions);
  static_cast<void>(two_registers);
  static_cast<void>(bytes);
#endif
}

}  // namespace mlops
