// 16 rows of 16 columns are transposed in registers; a column's 16 values are then searched for at
// once: each of five steps is a comparison with edges picked from one register by the results so
// far. A step's results are stored as bits. A tile's worth of them are five registers for a column;
// the ones of every intersection of steps are counted, and summed up by bytes.

#include <limits>

#include "observe/fold_kernel.h"
#include "observe/outside_look.h"

#if defined(__x86_64__)
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
// gcc 12 takes the undefined operands of its own header for a mistake (GCC bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#define MLOPS_FOLD_WARNINGS
#endif
#include <immintrin.h>

// What every function of this file may use.
#define MLOPS_FOLD_TARGET \
  [[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vpopcntdq")]]

namespace mlops {
namespace {

constexpr unsigned kPlanes = 5;
constexpr std::size_t kSteps16 = kTileRows / kRowStep;

// One bit for each row of a tile, for each step.
struct alignas(64) ColumnPlanes {
  std::uint16_t steps[kPlanes][kSteps16];
};

struct RunningMoments {
  __m512 sum, sum2, min, max;
  __m512i finite;
};

MLOPS_FOLD_TARGET inline void transpose(__m512 (&r)[16]) {
  __m512 t[16];
  for (int i = 0; i < 16; i += 4) {
    const __m512 ab_low = _mm512_unpacklo_ps(r[i], r[i + 1]);
    const __m512 ab_high = _mm512_unpackhi_ps(r[i], r[i + 1]);
    const __m512 cd_low = _mm512_unpacklo_ps(r[i + 2], r[i + 3]);
    const __m512 cd_high = _mm512_unpackhi_ps(r[i + 2], r[i + 3]);
    t[i] = _mm512_shuffle_ps(ab_low, cd_low, 0x44);
    t[i + 1] = _mm512_shuffle_ps(ab_low, cd_low, 0xEE);
    t[i + 2] = _mm512_shuffle_ps(ab_high, cd_high, 0x44);
    t[i + 3] = _mm512_shuffle_ps(ab_high, cd_high, 0xEE);
  }
  for (int i = 0; i < 4; ++i) {
    const __m512 low_even = _mm512_shuffle_f32x4(t[i], t[i + 4], 0x88);
    const __m512 low_odd = _mm512_shuffle_f32x4(t[i], t[i + 4], 0xDD);
    const __m512 high_even = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0x88);
    const __m512 high_odd = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0xDD);
    r[i] = _mm512_shuffle_f32x4(low_even, high_even, 0x88);
    r[i + 8] = _mm512_shuffle_f32x4(low_even, high_even, 0xDD);
    r[i + 4] = _mm512_shuffle_f32x4(low_odd, high_odd, 0x88);
    r[i + 12] = _mm512_shuffle_f32x4(low_odd, high_odd, 0xDD);
  }
}

MLOPS_FOLD_TARGET inline void add_row(__m512 x, __m512 median, RunningMoments& moments) {
  const __m512 infinity = _mm512_set1_ps(std::numeric_limits<float>::infinity());
  const __mmask16 finite = _mm512_cmp_ps_mask(_mm512_abs_ps(x), infinity, _CMP_LT_OQ);
  const __m512 d = _mm512_maskz_sub_ps(finite, x, median);
  moments.sum = _mm512_add_ps(moments.sum, d);
  moments.sum2 = _mm512_fmadd_ps(d, d, moments.sum2);
  // Of two of which one is NaN these return the second.
  moments.min = _mm512_min_ps(x, moments.min);
  moments.max = _mm512_max_ps(x, moments.max);
  moments.finite =
      _mm512_mask_add_epi32(moments.finite, finite, moments.finite, _mm512_set1_epi32(1));
}

MLOPS_FOLD_TARGET inline void search(__m512 x, const ColumnEdges& edges, ColumnPlanes& planes,
                                     std::size_t at) {
  const __mmask16 up0 = _mm512_cmp_ps_mask(_mm512_set1_ps(edges.step0), x, _CMP_LE_OQ);
  const __m512 edge1 =
      _mm512_mask_mov_ps(_mm512_set1_ps(edges.step1[0]), up0, _mm512_set1_ps(edges.step1[1]));
  const __mmask16 up1 = _mm512_cmp_ps_mask(edge1, x, _CMP_LE_OQ);
  __m512i results = _mm512_maskz_set1_epi32(up0, 1);
  results = _mm512_mask_or_epi32(results, up1, results, _mm512_set1_epi32(2));
  const __m512 edges2 = _mm512_broadcast_f32x4(_mm_load_ps(edges.step2));
  const __mmask16 up2 = _mm512_cmp_ps_mask(_mm512_permutexvar_ps(results, edges2), x, _CMP_LE_OQ);
  results = _mm512_mask_or_epi32(results, up2, results, _mm512_set1_epi32(4));
  const __m512 edges3 = _mm512_broadcast_f32x8(_mm256_load_ps(edges.step3));
  const __mmask16 up3 = _mm512_cmp_ps_mask(_mm512_permutexvar_ps(results, edges3), x, _CMP_LE_OQ);
  results = _mm512_mask_or_epi32(results, up3, results, _mm512_set1_epi32(8));
  const __m512 edges4 = _mm512_load_ps(edges.step4);
  const __mmask16 up4 = _mm512_cmp_ps_mask(_mm512_permutexvar_ps(results, edges4), x, _CMP_LE_OQ);
  planes.steps[0][at] = up0;
  planes.steps[1][at] = up1;
  planes.steps[2][at] = up2;
  planes.steps[3][at] = up3;
  planes.steps[4][at] = up4;
}

// The ones of eight sets' rows: that of `within` alone, and with every set of the first three
// steps.
MLOPS_FOLD_TARGET inline __m512i count_sets(const __m512i (&sets)[8], __m512i within,
                                            __m512i transposed) {
  __m512i counts = _mm512_popcnt_epi64(within);
  for (unsigned i = 1; i < 8; ++i) {
    const __m512i ones = _mm512_popcnt_epi64(_mm512_and_si512(within, sets[i]));
    counts = _mm512_or_si512(counts, _mm512_slli_epi64(ones, 8 * i));
  }
  return _mm512_sad_epu8(_mm512_permutexvar_epi8(transposed, counts), _mm512_setzero_si512());
}

MLOPS_FOLD_TARGET void count_planes(const ColumnPlanes& planes, __m512i transposed,
                                    std::uint64_t (&bits)[kFoldedBins]) {
  __m512i step[kPlanes];
  for (unsigned i = 0; i < kPlanes; ++i) step[i] = _mm512_load_si512(planes.steps[i]);
  __m512i sets[8];
  sets[0] = _mm512_set1_epi64(-1);
  sets[1] = step[0];
  sets[2] = step[1];
  sets[4] = step[2];
  sets[3] = _mm512_and_si512(step[0], step[1]);
  sets[5] = _mm512_and_si512(step[0], step[2]);
  sets[6] = _mm512_and_si512(step[1], step[2]);
  sets[7] = _mm512_and_si512(sets[3], step[2]);
  const __m512i within[4] = {sets[0], step[3], step[4], _mm512_and_si512(step[3], step[4])};
  for (unsigned i = 0; i < 4; ++i) {
    void* const at = &bits[8 * i];
    const __m512i counts = count_sets(sets, within[i], transposed);
    _mm512_store_si512(at, _mm512_add_epi64(_mm512_load_si512(at), counts));
  }
}

// Byte i of word k becomes byte k of word i.
MLOPS_FOLD_TARGET __m512i byte_transposition() {
  alignas(64) std::uint8_t order[64];
  for (unsigned i = 0; i < 64; ++i) order[i] = static_cast<std::uint8_t>(i % 8 * 8 + i / 8);
  return _mm512_load_si512(order);
}

MLOPS_FOLD_TARGET void look_avx512(const float* tile, std::size_t stride, std::size_t rows,
                                   const BlockEdges& edges, bool infinities, Outside& found) {
  const __m512 low = _mm512_load_ps(edges.min);
  const __m512 high = _mm512_load_ps(edges.max);
  const __m512i one = _mm512_set1_epi32(1);
  __m512i below = _mm512_setzero_si512();
  __m512i above = _mm512_setzero_si512();
  for (std::size_t row = 0; row < rows; ++row) {
    const __m512 x = _mm512_load_ps(tile + row * stride);
    const __mmask16 is_below = _mm512_cmp_ps_mask(x, low, _CMP_LT_OQ);
    const __mmask16 is_above = _mm512_cmp_ps_mask(x, high, _CMP_GT_OQ);
    below = _mm512_mask_add_epi32(below, is_below, below, one);
    above = _mm512_mask_add_epi32(above, is_above, above, one);
  }
  _mm512_store_si512(found.below, below);
  _mm512_store_si512(found.above, above);
  if (infinities) look_at_infinities(tile, stride, rows, found);
}

MLOPS_FOLD_TARGET void fold_avx512(const float* tile, std::size_t stride, std::size_t rows,
                                   const BlockEdges& edges, BlockSums& sums) {
  ColumnPlanes planes[kBlockColumns];
  if (rows < kTileRows) {
    for (ColumnPlanes& column : planes) column = ColumnPlanes{};
  }
  const __m512 infinity = _mm512_set1_ps(std::numeric_limits<float>::infinity());
  RunningMoments running{_mm512_setzero_ps(), _mm512_setzero_ps(), infinity,
                         _mm512_sub_ps(_mm512_setzero_ps(), infinity), _mm512_setzero_si512()};
  const __m512 median = _mm512_load_ps(edges.median);
  for (std::size_t at = 0; at < rows / kRowStep; ++at) {
    const float* const first = tile + at * kRowStep * stride;
    __m512 values[16];
    for (std::size_t i = 0; i < 16; ++i) {
      values[i] = _mm512_load_ps(first + i * stride);
      add_row(values[i], median, running);
    }
    transpose(values);
    for (std::size_t c = 0; c < kBlockColumns; ++c) {
      search(values[c], edges.columns[c], planes[c], at);
    }
  }
  const __m512i transposed = byte_transposition();
  for (std::size_t c = 0; c < kBlockColumns; ++c) {
    count_planes(planes[c], transposed, sums.bits[c]);
  }
  TileMoments moments;
  _mm512_store_ps(moments.sum, running.sum);
  _mm512_store_ps(moments.sum2, running.sum2);
  _mm512_store_ps(moments.min, running.min);
  _mm512_store_ps(moments.max, running.max);
  _mm512_store_si512(moments.finite, running.finite);
  add_moments(moments, tile, stride, rows, edges, look_avx512, sums);
}

}  // namespace

const FoldKernel* avx512_fold_kernel() {
  static constexpr FoldKernel kKernel{fold_avx512, bins_of_sets, "AVX-512"};
  const bool here =
      best_instruction_set() == InstructionSet::avx512 && __builtin_cpu_supports("avx512vpopcntdq");
  return here ? &kKernel : nullptr;
}

}  // namespace mlops
#undef MLOPS_FOLD_TARGET
#ifdef MLOPS_FOLD_WARNINGS
#pragma GCC diagnostic pop
#undef MLOPS_FOLD_WARNINGS
#endif

#else
namespace mlops {
const FoldKernel* avx512_fold_kernel() { return nullptr; }
}  // namespace mlops
#endif
