// As fold_avx512.cc, by eights: 8 rows of 8 columns are transposed, five steps of a search are
// eight bits each, and the ones of a tile's intersections are counted word by word.

#include <bit>
#include <limits>

#include "observe/fold_kernel.h"
#include "observe/outside_look.h"

#if defined(__x86_64__)
#include <immintrin.h>

// What every function of this file may use.
#define MLOPS_FOLD_TARGET [[gnu::target("avx2,popcnt")]]

namespace mlops {
namespace {

constexpr std::size_t kAbreast = 8;
constexpr unsigned kBytePlanes = 5;
constexpr std::size_t kWords = kTileRows / 64;

// One bit for each row of a tile, for each step.
struct alignas(64) BytePlanes {
  std::uint8_t steps[kBytePlanes][kTileRows / kAbreast];
};

struct EightMoments {
  __m256 sum, sum2, min, max;
  __m256i finite;
};

MLOPS_FOLD_TARGET inline void transpose_eight(__m256 (&r)[8]) {
  __m256 t[8];
  for (int i = 0; i < 8; i += 4) {
    const __m256 ab_low = _mm256_unpacklo_ps(r[i], r[i + 1]);
    const __m256 ab_high = _mm256_unpackhi_ps(r[i], r[i + 1]);
    const __m256 cd_low = _mm256_unpacklo_ps(r[i + 2], r[i + 3]);
    const __m256 cd_high = _mm256_unpackhi_ps(r[i + 2], r[i + 3]);
    t[i] = _mm256_shuffle_ps(ab_low, cd_low, 0x44);
    t[i + 1] = _mm256_shuffle_ps(ab_low, cd_low, 0xEE);
    t[i + 2] = _mm256_shuffle_ps(ab_high, cd_high, 0x44);
    t[i + 3] = _mm256_shuffle_ps(ab_high, cd_high, 0xEE);
  }
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x20);
    r[i + 4] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x31);
  }
}

MLOPS_FOLD_TARGET inline void add_eight(__m256 x, __m256 median, EightMoments& moments) {
  const __m256 infinity = _mm256_set1_ps(std::numeric_limits<float>::infinity());
  const __m256 magnitude = _mm256_andnot_ps(_mm256_set1_ps(-0.0F), x);
  const __m256 finite = _mm256_cmp_ps(magnitude, infinity, _CMP_LT_OQ);
  const __m256 d = _mm256_and_ps(_mm256_sub_ps(x, median), finite);
  moments.sum = _mm256_add_ps(moments.sum, d);
  moments.sum2 = _mm256_add_ps(moments.sum2, _mm256_mul_ps(d, d));
  // Of two of which one is NaN these return the second.
  moments.min = _mm256_min_ps(x, moments.min);
  moments.max = _mm256_max_ps(x, moments.max);
  moments.finite = _mm256_sub_epi32(moments.finite, _mm256_castps_si256(finite));
}

MLOPS_FOLD_TARGET inline std::uint8_t bits_of(__m256 up) {
  return static_cast<std::uint8_t>(_mm256_movemask_ps(up));
}

MLOPS_FOLD_TARGET inline __m256i with_result(__m256i results, __m256 up, int bit) {
  return _mm256_or_si256(results,
                         _mm256_and_si256(_mm256_castps_si256(up), _mm256_set1_epi32(bit)));
}

MLOPS_FOLD_TARGET inline void search_eight(__m256 x, const ColumnEdges& edges, BytePlanes& planes,
                                           std::size_t at) {
  const __m256 up0 = _mm256_cmp_ps(_mm256_set1_ps(edges.step0), x, _CMP_LE_OQ);
  const __m256 edge1 =
      _mm256_blendv_ps(_mm256_set1_ps(edges.step1[0]), _mm256_set1_ps(edges.step1[1]), up0);
  const __m256 up1 = _mm256_cmp_ps(edge1, x, _CMP_LE_OQ);
  __m256i results = with_result(with_result(_mm256_setzero_si256(), up0, 1), up1, 2);
  const __m128 four = _mm_load_ps(edges.step2);
  const __m256 edge2 = _mm256_permutevar8x32_ps(_mm256_set_m128(four, four), results);
  const __m256 up2 = _mm256_cmp_ps(edge2, x, _CMP_LE_OQ);
  results = with_result(results, up2, 4);
  const __m256 edge3 = _mm256_permutevar8x32_ps(_mm256_load_ps(edges.step3), results);
  const __m256 up3 = _mm256_cmp_ps(edge3, x, _CMP_LE_OQ);
  const __m256 edge4 =
      _mm256_blendv_ps(_mm256_permutevar8x32_ps(_mm256_load_ps(edges.step4), results),
                       _mm256_permutevar8x32_ps(_mm256_load_ps(edges.step4 + 8), results), up3);
  const __m256 up4 = _mm256_cmp_ps(edge4, x, _CMP_LE_OQ);
  planes.steps[0][at] = bits_of(up0);
  planes.steps[1][at] = bits_of(up1);
  planes.steps[2][at] = bits_of(up2);
  planes.steps[3][at] = bits_of(up3);
  planes.steps[4][at] = bits_of(up4);
}

MLOPS_FOLD_TARGET void count_words(const BytePlanes& planes, std::uint64_t (&bits)[kFoldedBins]) {
  for (std::size_t word = 0; word < kWords; ++word) {
    std::uint64_t sets[kFoldedBins];
    sets[0] = ~std::uint64_t{0};
    for (unsigned step = 0; step < kBytePlanes; ++step) {
      std::uint64_t up = 0;
      __builtin_memcpy(&up, &planes.steps[step][word * 8], sizeof(up));
      for (unsigned set = 0; set < 1U << step; ++set) sets[set | 1U << step] = sets[set] & up;
    }
    for (unsigned set = 1; set < kFoldedBins; ++set) {
      bits[set] += static_cast<std::uint64_t>(std::popcount(sets[set]));
    }
  }
}

MLOPS_FOLD_TARGET void fold_half(const float* tile, std::size_t stride, std::size_t rows,
                                 std::size_t from, const BlockEdges& edges, BlockSums& sums,
                                 TileMoments& moments) {
  BytePlanes planes[kAbreast];
  if (rows < kTileRows) {
    for (BytePlanes& column : planes) column = BytePlanes{};
  }
  const __m256 infinity = _mm256_set1_ps(std::numeric_limits<float>::infinity());
  EightMoments running{_mm256_setzero_ps(), _mm256_setzero_ps(), infinity,
                       _mm256_sub_ps(_mm256_setzero_ps(), infinity), _mm256_setzero_si256()};
  const __m256 median = _mm256_load_ps(edges.median + from);
  for (std::size_t at = 0; at < rows / kAbreast; ++at) {
    const float* const first = tile + at * kAbreast * stride + from;
    __m256 values[kAbreast];
    for (std::size_t i = 0; i < kAbreast; ++i) {
      values[i] = _mm256_load_ps(first + i * stride);
      add_eight(values[i], median, running);
    }
    transpose_eight(values);
    for (std::size_t c = 0; c < kAbreast; ++c) {
      search_eight(values[c], edges.columns[from + c], planes[c], at);
    }
  }
  for (std::size_t c = 0; c < kAbreast; ++c) count_words(planes[c], sums.bits[from + c]);
  _mm256_store_ps(moments.sum + from, running.sum);
  _mm256_store_ps(moments.sum2 + from, running.sum2);
  _mm256_store_ps(moments.min + from, running.min);
  _mm256_store_ps(moments.max + from, running.max);
  _mm256_store_si256(reinterpret_cast<__m256i*>(moments.finite + from), running.finite);
}

MLOPS_FOLD_TARGET void look_avx2(const float* tile, std::size_t stride, std::size_t rows,
                                 const BlockEdges& edges, bool infinities, Outside& found) {
  for (std::size_t from = 0; from < kBlockColumns; from += kAbreast) {
    const __m256 low = _mm256_load_ps(edges.min + from);
    const __m256 high = _mm256_load_ps(edges.max + from);
    __m256i below = _mm256_setzero_si256();
    __m256i above = _mm256_setzero_si256();
    for (std::size_t row = 0; row < rows; ++row) {
      const __m256 x = _mm256_load_ps(tile + row * stride + from);
      below = _mm256_sub_epi32(below, _mm256_castps_si256(_mm256_cmp_ps(x, low, _CMP_LT_OQ)));
      above = _mm256_sub_epi32(above, _mm256_castps_si256(_mm256_cmp_ps(x, high, _CMP_GT_OQ)));
    }
    _mm256_store_si256(reinterpret_cast<__m256i*>(found.below + from), below);
    _mm256_store_si256(reinterpret_cast<__m256i*>(found.above + from), above);
  }
  if (infinities) look_at_infinities(tile, stride, rows, found);
}

void fold_avx2(const float* tile, std::size_t stride, std::size_t rows, const BlockEdges& edges,
               BlockSums& sums) {
  TileMoments moments;
  for (std::size_t from = 0; from < kBlockColumns; from += kAbreast) {
    fold_half(tile, stride, rows, from, edges, sums, moments);
  }
  add_moments(moments, tile, stride, rows, edges, look_avx2, sums);
}

}  // namespace

const FoldKernel* avx2_fold_kernel() {
  static constexpr FoldKernel kKernel{fold_avx2, bins_of_sets, "AVX2"};
  return best_instruction_set() >= InstructionSet::avx2 ? &kKernel : nullptr;
}

}  // namespace mlops
#undef MLOPS_FOLD_TARGET

#else
namespace mlops {
const FoldKernel* avx2_fold_kernel() { return nullptr; }
}  // namespace mlops
#endif
