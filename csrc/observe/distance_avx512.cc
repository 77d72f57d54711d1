// Logarithms: x = 2^k m with m in 0.75..1.5, and m r = 1 + z with r one of sixteen; so ln x = k ln
// 2
// - ln r + ln(1 + z), where |z| <= 1/16. Where x is near 1, k is 0 and r is 1, and nothing cancels.

#include <array>
#include <cmath>
#include <numbers>

#include "observe/distance_kernel.h"

#if defined(__x86_64__)
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
// gcc 12 takes the undefined operands of its own header for a mistake (GCC bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#define MLOPS_DISTANCE_WARNINGS
#endif
#include <immintrin.h>

// What every function of this file may use.
#define MLOPS_DISTANCE_TARGET [[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,fma")]]

namespace mlops {
namespace {

constexpr int kTerms = 14;  // of the series of ln(1 + z)

struct alignas(64) LogTable {
  double inverse[16];    // r
  double log[16];        // -ln r
  double terms[kTerms];  // 1, -1/2, 1/3, ..

  LogTable() {
    for (int i = 0; i < 16; ++i) {
      const double from = 1 + i / 16.0;
      const double middle = (from + 1 / 32.0) / (i < 8 ? 1 : 2);
      const double r = i == 0 || i == 15 ? 1.0 : 1 / middle;
      inverse[i] = r;
      log[i] = i == 0 || i == 15 ? 0.0 : -std::log(r);
    }
    for (int i = 0; i < kTerms; ++i) terms[i] = (i % 2 == 0 ? 1.0 : -1.0) / (i + 1);
  }
};
const LogTable kTable;

struct Logs {
  __m512d inverse_low, inverse_high, log_low, log_high, ln2;

  MLOPS_DISTANCE_TARGET Logs()
      : inverse_low(_mm512_load_pd(kTable.inverse)),
        inverse_high(_mm512_load_pd(kTable.inverse + 8)),
        log_low(_mm512_load_pd(kTable.log)),
        log_high(_mm512_load_pd(kTable.log + 8)),
        ln2(_mm512_set1_pd(std::numbers::ln2)) {}
};

MLOPS_DISTANCE_TARGET inline __m512d term(int i) { return _mm512_set1_pd(kTable.terms[i]); }

// Of normal numbers above 0.
MLOPS_DISTANCE_TARGET inline __m512d log_of(__m512d x, const Logs& logs) {
  const __m512d m = _mm512_getmant_pd(x, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_zero);
  const __m512d k = _mm512_sub_pd(_mm512_getexp_pd(x), _mm512_getexp_pd(m));
  const __m512i at = _mm512_srli_epi64(_mm512_castpd_si512(m), 48);
  const __m512d r = _mm512_permutex2var_pd(logs.inverse_low, at, logs.inverse_high);
  const __m512d of_r = _mm512_permutex2var_pd(logs.log_low, at, logs.log_high);
  const __m512d z = _mm512_fmsub_pd(m, r, _mm512_set1_pd(1));
  const __m512d z2 = _mm512_mul_pd(z, z);
  const __m512d z4 = _mm512_mul_pd(z2, z2);
  const __m512d t1 = _mm512_fmadd_pd(term(2), z, term(1));
  const __m512d t3 = _mm512_fmadd_pd(term(4), z, term(3));
  const __m512d t5 = _mm512_fmadd_pd(term(6), z, term(5));
  const __m512d t7 = _mm512_fmadd_pd(term(8), z, term(7));
  const __m512d t9 = _mm512_fmadd_pd(term(10), z, term(9));
  const __m512d t11 = _mm512_fmadd_pd(term(12), z, term(11));
  const __m512d low = _mm512_fmadd_pd(t3, z2, t1);
  const __m512d middle = _mm512_fmadd_pd(t7, z2, t5);
  const __m512d high = _mm512_fmadd_pd(_mm512_fmadd_pd(term(13), z2, t11), z2, t9);
  const __m512d series = _mm512_fmadd_pd(_mm512_fmadd_pd(high, z4, middle), z4, low);
  return _mm512_add_pd(_mm512_fmadd_pd(k, logs.ln2, of_r), _mm512_fmadd_pd(z2, series, z));
}

// What is 0, to rounding, has a finite one: its weight is 0.
MLOPS_DISTANCE_TARGET inline __m512d log_or_lowest(__m512d x, const Logs& logs) {
  return log_of(_mm512_max_pd(x, _mm512_set1_pd(1e-300)), logs);
}

// 1 / x of normal numbers, 0 where the mask is not set.
MLOPS_DISTANCE_TARGET inline __m512d inverse_of(__mmask8 where, __m512d x) {
  const __m512d one = _mm512_set1_pd(1);
  __m512d y = _mm512_maskz_rcp14_pd(where, x);
  y = _mm512_fmadd_pd(y, _mm512_fnmadd_pd(x, y, one), y);
  return _mm512_fmadd_pd(y, _mm512_fnmadd_pd(x, y, one), y);
}

// The root of what is not below 0.
MLOPS_DISTANCE_TARGET inline __m512d root_of(__m512d x) {
  const __mmask8 where = _mm512_cmp_pd_mask(x, _mm512_setzero_pd(), _CMP_GT_OQ);
  const __m512d half = _mm512_set1_pd(0.5);
  const __m512d y = _mm512_maskz_rsqrt14_pd(where, x);
  __m512d root = _mm512_mul_pd(x, y);
  __m512d slope = _mm512_mul_pd(y, half);
  for (int i = 0; i < 2; ++i) {
    const __m512d off = _mm512_fnmadd_pd(root, slope, half);
    root = _mm512_fmadd_pd(root, off, root);
    slope = _mm512_fmadd_pd(slope, off, slope);
  }
  return root;
}

// Masses of eight cells as doubles. `step` beyond the bins is the own masses'.
MLOPS_DISTANCE_TARGET inline __m512d counts_at(const StreamCounts& window, std::size_t at,
                                               std::size_t end) {
  const auto left = static_cast<unsigned>(end - at < kCellStep ? end - at : kCellStep);
  const auto mask = static_cast<__mmask8>((1U << left) - 1);
  return _mm512_cvtepu64_pd(_mm512_maskz_loadu_epi64(mask, window.masses.data() + at));
}

struct NominalSums {
  __m512d psi, divergence, roots, chi2, g, linf;
};

struct NominalScales {
  __m512d m, n, m_smooth, n_smooth, log_scale;  // ln(m_smooth / n_smooth)
};

MLOPS_DISTANCE_TARGET inline void add_nominal(const ReferenceCells& cells, std::size_t at,
                                              __m512d b, const NominalScales& scales,
                                              const Logs& logs, NominalSums& sums) {
  const __m512d one = _mm512_set1_pd(1);
  const __m512d half = _mm512_set1_pd(0.5);
  const __m512d a = _mm512_loadu_pd(&cells.count[at]);
  const __m512d p = _mm512_loadu_pd(&cells.share[at]);
  const __m512d both = _mm512_add_pd(a, b);
  const __mmask8 seen = _mm512_cmp_pd_mask(both, _mm512_setzero_pd(), _CMP_GT_OQ);
  const __m512d q = _mm512_div_pd(b, scales.n);
  const __m512d d = _mm512_sub_pd(p, q);
  const __m512d smooth = _mm512_sub_pd(_mm512_mul_pd(_mm512_add_pd(a, half), scales.m_smooth),
                                       _mm512_mul_pd(_mm512_add_pd(b, half), scales.n_smooth));
  const __m512d of_b = log_of(_mm512_add_pd(b, half), logs);
  const __m512d ratio =
      _mm512_sub_pd(_mm512_sub_pd(_mm512_loadu_pd(&cells.log_half[at]), of_b), scales.log_scale);
  sums.psi = _mm512_mask3_fmadd_pd(smooth, ratio, sums.psi, seen);
  // p and q about their middle: p = middle (1 + t), q = middle (1 - t).
  const __m512d t = _mm512_mul_pd(d, inverse_of(seen, _mm512_add_pd(p, q)));
  sums.divergence = _mm512_fmadd_pd(p, log_or_lowest(_mm512_add_pd(one, t), logs), sums.divergence);
  sums.divergence = _mm512_fmadd_pd(q, log_or_lowest(_mm512_sub_pd(one, t), logs), sums.divergence);
  // And about what both rows give together.
  const __m512d off = _mm512_mul_pd(d, inverse_of(seen, both));
  const __m512d of_p = log_or_lowest(_mm512_fmadd_pd(scales.n, off, one), logs);
  const __m512d of_q = log_or_lowest(_mm512_fnmadd_pd(scales.m, off, one), logs);
  sums.g = _mm512_fmadd_pd(a, of_p, _mm512_fmadd_pd(b, of_q, sums.g));
  sums.chi2 = _mm512_fmadd_pd(d, off, sums.chi2);
  const __m512d roots = _mm512_sub_pd(_mm512_loadu_pd(&cells.root[at]), root_of(q));
  sums.roots = _mm512_fmadd_pd(roots, roots, sums.roots);
  sums.linf = _mm512_max_pd(sums.linf, _mm512_abs_pd(d));
}

MLOPS_DISTANCE_TARGET void nominal_avx512(const ReferenceCells& cells, const StreamCounts& window,
                                          NominalDistances& found) {
  __m512d b[kCellsMax / kCellStep];
  std::size_t steps = 0;
  unsigned seen = 0;
  __m512d rows = _mm512_setzero_pd();
  const std::size_t last = window.masses.size();
  for (std::size_t at = 0; at < cells.bins + kCellStep; at += kCellStep) {
    const bool own = at == cells.bins;
    b[steps] = counts_at(window, own ? window.bins : at, own ? last : window.bins);
    rows = _mm512_add_pd(rows, b[steps]);
    const __m512d both = _mm512_add_pd(b[steps], _mm512_loadu_pd(&cells.count[at]));
    const unsigned here = _mm512_cmp_pd_mask(both, _mm512_setzero_pd(), _CMP_GT_OQ);
    seen += static_cast<unsigned>(__builtin_popcount(here));
    steps += !own || here != 0;  // nothing is in any of the own masses: they need not be looked at
  }
  const double m = cells.rows;
  const double n = _mm512_reduce_add_pd(rows);
  found.cells = seen;
  if (m == 0 || n == 0) return;
  const double m_smooth = m + seen / 2.0;
  const double n_smooth = n + seen / 2.0;
  const NominalScales scales{_mm512_set1_pd(m), _mm512_set1_pd(n), _mm512_set1_pd(1 / m_smooth),
                             _mm512_set1_pd(1 / n_smooth),
                             _mm512_set1_pd(std::log(m_smooth / n_smooth))};
  const Logs logs;
  const __m512d zero = _mm512_setzero_pd();
  NominalSums sums{zero, zero, zero, zero, zero, zero};
  for (std::size_t i = 0; i < steps; ++i) {
    add_nominal(cells, i * kCellStep, b[i], scales, logs, sums);
  }
  found.psi = _mm512_reduce_add_pd(sums.psi);
  found.js_divergence = _mm512_reduce_add_pd(sums.divergence);
  found.hellinger = _mm512_reduce_add_pd(sums.roots);
  found.chi2 = _mm512_reduce_add_pd(sums.chi2);
  found.g = _mm512_reduce_add_pd(sums.g);
  found.linf = _mm512_reduce_max_pd(sums.linf);
}

// The sum of the elements up to each.
MLOPS_DISTANCE_TARGET inline __m512d running_sum(__m512d x) {
  const __m512i zero = _mm512_setzero_si512();
  const __m512i by1 = _mm512_alignr_epi64(_mm512_castpd_si512(x), zero, 7);
  x = _mm512_add_pd(x, _mm512_castsi512_pd(by1));
  const __m512i by2 = _mm512_alignr_epi64(_mm512_castpd_si512(x), zero, 6);
  x = _mm512_add_pd(x, _mm512_castsi512_pd(by2));
  const __m512i by4 = _mm512_alignr_epi64(_mm512_castpd_si512(x), zero, 4);
  return _mm512_add_pd(x, _mm512_castsi512_pd(by4));
}

struct BinSums {
  __m512d most, least, above, below, ranks_a, ranks_b, anderson, w1, square;
};

// count * off^2 + (count^3 - count) / 12, where off is the mid-rank among both less that among
// one's own: what lies before of the other, and half of what is here.
MLOPS_DISTANCE_TARGET inline __m512d squares(__m512d count, __m512d off) {
  const __m512d twelfth = _mm512_set1_pd(1.0 / 12);
  const __m512d ties = _mm512_mul_pd(_mm512_fmsub_pd(count, count, _mm512_set1_pd(1)), twelfth);
  return _mm512_mul_pd(count, _mm512_fmadd_pd(off, off, ties));
}

struct BinScales {
  __m512d n, both;
};

// F - G before and after eight bins, and what follows from it and from the counts.
MLOPS_DISTANCE_TARGET inline unsigned add_bins(const ReferenceCells& cells, std::size_t at,
                                               __m512d b, __m512d b_before, __m512d left,
                                               __m512d right, const BinScales& scales,
                                               BinSums& sums) {
  const __m512d half = _mm512_set1_pd(0.5);
  const __m512d a = _mm512_loadu_pd(&cells.count[at]);
  const __m512d a_before = _mm512_loadu_pd(&cells.before[at]);
  sums.most = _mm512_max_pd(sums.most, right);
  sums.least = _mm512_min_pd(sums.least, right);
  sums.above =
      _mm512_max_pd(sums.above, _mm512_add_pd(left, _mm512_loadu_pd(&cells.number_share[at])));
  sums.below = _mm512_max_pd(sums.below, _mm512_sub_pd(_mm512_div_pd(b, scales.n), left));
  sums.ranks_a = _mm512_add_pd(sums.ranks_a, squares(a, _mm512_fmadd_pd(b, half, b_before)));
  sums.ranks_b = _mm512_add_pd(sums.ranks_b, squares(b, _mm512_fmadd_pd(a, half, a_before)));
  const __m512d tied = _mm512_add_pd(a, b);
  const __m512d middle = _mm512_fmadd_pd(tied, half, _mm512_add_pd(a_before, b_before));
  const __m512d quarter = _mm512_mul_pd(_mm512_mul_pd(scales.both, tied), _mm512_set1_pd(0.25));
  const __m512d spread = _mm512_fmsub_pd(middle, _mm512_sub_pd(scales.both, middle), quarter);
  const __mmask8 spread_out = _mm512_cmp_pd_mask(spread, _mm512_setzero_pd(), _CMP_GT_OQ);
  const __m512d difference = _mm512_mul_pd(_mm512_add_pd(left, right), half);
  const __m512d weight = _mm512_mul_pd(tied, inverse_of(spread_out, spread));
  sums.anderson = _mm512_fmadd_pd(_mm512_mul_pd(difference, difference), weight, sums.anderson);
  const __m512d width = _mm512_loadu_pd(&cells.width[at]);
  const __m512d rank = _mm512_loadu_pd(&cells.rank_dx[at]);
  const __m512d slope = _mm512_sub_pd(right, left);
  const __m512d area = _mm512_fmadd_pd(left, width, _mm512_mul_pd(slope, rank));
  const __mmask8 crossed =
      _mm512_cmp_pd_mask(_mm512_mul_pd(left, right), _mm512_setzero_pd(), _CMP_LT_OQ);
  sums.w1 =
      _mm512_mask_add_pd(sums.w1, static_cast<__mmask8>(~crossed), sums.w1, _mm512_abs_pd(area));
  const __m512d twice = _mm512_mul_pd(_mm512_add_pd(left, left), rank);
  const __m512d linear = _mm512_fmadd_pd(slope, _mm512_loadu_pd(&cells.rank2_dx[at]), twice);
  sums.square = _mm512_fmadd_pd(_mm512_mul_pd(left, left), width, sums.square);
  sums.square = _mm512_fmadd_pd(slope, linear, sums.square);
  return crossed;
}

MLOPS_DISTANCE_TARGET void bins_avx512(const ReferenceCells& cells, const StreamCounts& window,
                                       OrderedWalk& walk, double* gaps, std::uint8_t* crossed,
                                       OrderedDistances& found) {
  const double m = walk.reference_rows();
  const double n = walk.window_rows();
  const BinScales scales{_mm512_set1_pd(n), _mm512_set1_pd(m + n)};
  const __m512d zero = _mm512_setzero_pd();
  BinSums sums{zero, zero, zero, zero, zero, zero, zero, zero, zero};
  const __m512i last = _mm512_set1_epi64(7);
  __m512d carry = _mm512_set1_pd(walk.window_before());
  __m512d left_carry = _mm512_set1_pd(walk.gap());
  for (std::size_t at = 0; at < cells.bins; at += kCellStep) {
    const __m512d b = counts_at(window, at, window.bins);
    const __m512d b_after = _mm512_add_pd(running_sum(b), carry);
    const __m512d b_before = _mm512_sub_pd(b_after, b);
    const __m512d right =
        _mm512_sub_pd(_mm512_loadu_pd(&cells.f_after[at]), _mm512_div_pd(b_after, scales.n));
    const __m512d left = _mm512_castsi512_pd(
        _mm512_alignr_epi64(_mm512_castpd_si512(right), _mm512_castpd_si512(left_carry), 7));
    _mm512_storeu_pd(gaps + at, left);
    crossed[at / kCellStep] =
        static_cast<std::uint8_t>(add_bins(cells, at, b, b_before, left, right, scales, sums));
    carry = _mm512_permutexvar_pd(last, b_after);
    left_carry = right;
  }
  gaps[cells.bins] = _mm512_cvtsd_f64(_mm512_permutexvar_pd(last, left_carry));
  walk.most = std::max(walk.most, _mm512_reduce_max_pd(sums.most));
  walk.least = std::min(walk.least, _mm512_reduce_min_pd(sums.least));
  walk.above = std::max(walk.above, _mm512_reduce_max_pd(sums.above));
  walk.below = std::max(walk.below, _mm512_reduce_max_pd(sums.below));
  walk.rank_sum += m * _mm512_reduce_add_pd(sums.ranks_a) + n * _mm512_reduce_add_pd(sums.ranks_b);
  walk.anderson += _mm512_reduce_add_pd(sums.anderson);
  found.w1 += _mm512_reduce_add_pd(sums.w1);
  found.energy += _mm512_reduce_add_pd(sums.square);
  const std::size_t end = cells.bins - 1;
  walk.pass(cells.before[end] + cells.count[end] - walk.reference_before(),
            _mm512_cvtsd_f64(carry) - walk.window_before());
}

MLOPS_DISTANCE_TARGET void logs_avx512(const double (&x)[kCellStep], double (&to)[kCellStep]) {
  const Logs logs;
  _mm512_storeu_pd(to, log_of(_mm512_loadu_pd(x), logs));
}

MLOPS_DISTANCE_TARGET void roots_avx512(const double (&x)[kCellStep], double (&to)[kCellStep]) {
  _mm512_storeu_pd(to, root_of(_mm512_loadu_pd(x)));
}

}  // namespace

const DistanceKernel* distance_kernel(InstructionSet set) {
  static constexpr DistanceKernel kKernel{logs_avx512, roots_avx512, nominal_avx512, bins_avx512};
  const bool here =
      set == InstructionSet::avx512 && best_instruction_set() == InstructionSet::avx512;
  return here ? &kKernel : nullptr;
}

}  // namespace mlops
#undef MLOPS_DISTANCE_TARGET
#ifdef MLOPS_DISTANCE_WARNINGS
#pragma GCC diagnostic pop
#undef MLOPS_DISTANCE_WARNINGS
#endif

#else
namespace mlops {
const DistanceKernel* distance_kernel(InstructionSet /*set*/) { return nullptr; }
}  // namespace mlops
#endif
