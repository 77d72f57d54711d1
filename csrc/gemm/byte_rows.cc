#include "gemm/byte_rows.h"

#include <algorithm>
#include <cmath>

#include "base/instruction_set.h"

#if defined(__x86_64__)
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
// gcc 12 takes the undefined operands of its own header for a mistake (GCC bug 105593).
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#define MLOPS_BYTE_ROWS_WARNINGS
#endif
#include <immintrin.h>
#endif

namespace mlops {
namespace {

#if defined(__x86_64__)
constexpr std::size_t kLanes = 16;

// A division takes four times as long as a product with the reciprocal, which is off by less than
// kNear of a step where it matters at all: what lies nearer to a half is divided.
[[gnu::target("avx512f,avx512bw,avx512vl,avx512dq")]] void to_bytes_avx512(const float* values,
                                                                           std::size_t count,
                                                                           ByteScale scale,
                                                                           std::uint8_t* out) {
  constexpr float kNear = 1.0F / 1024;
  const __m512 by = _mm512_set1_ps(scale.scale);
  const __m512 inverse = _mm512_set1_ps(1 / scale.scale);
  const __m512 least = _mm512_set1_ps(static_cast<float>(-int{scale.zero}));
  const __m512 most = _mm512_set1_ps(static_cast<float>(255 - int{scale.zero}));
  const __m512i zero = _mm512_set1_epi32(scale.zero);
  const __m512 half = _mm512_set1_ps(0.5F - kNear);
  for (std::size_t at = 0; at < count; at += kLanes) {
    const std::size_t left = std::min(kLanes, count - at);
    const auto mask = static_cast<__mmask16>((1U << left) - 1);
    const __m512 value = _mm512_maskz_loadu_ps(mask, values + at);
    // The order of operands makes NaN the least.
    __m512 steps = _mm512_min_ps(_mm512_max_ps(_mm512_mul_ps(value, inverse), least), most);
    __m512i whole = _mm512_cvtps_epi32(steps);
    const __m512 off = _mm512_abs_ps(_mm512_sub_ps(steps, _mm512_cvtepi32_ps(whole)));
    if (_mm512_cmp_ps_mask(off, half, _CMP_GT_OQ) != 0) [[unlikely]] {
      steps = _mm512_min_ps(_mm512_max_ps(_mm512_div_ps(value, by), least), most);
      whole = _mm512_cvtps_epi32(steps);
    }
    _mm_mask_storeu_epi8(out + at, mask, _mm512_cvtepi32_epi8(_mm512_add_epi32(whole, zero)));
  }
}

[[gnu::target("avx512f,avx512bw,avx512vl,avx512dq")]] void to_floats_avx512(
    const std::uint8_t* bytes, std::size_t count, ByteScale scale, float* out) {
  const __m512 by = _mm512_set1_ps(scale.scale);
  const __m512i zero = _mm512_set1_epi32(scale.zero);
  for (std::size_t at = 0; at < count; at += kLanes) {
    const std::size_t left = std::min(kLanes, count - at);
    const auto mask = static_cast<__mmask16>((1U << left) - 1);
    const __m512i whole = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, bytes + at));
    const __m512 steps = _mm512_cvtepi32_ps(_mm512_sub_epi32(whole, zero));
    _mm512_mask_storeu_ps(out + at, mask, _mm512_mul_ps(steps, by));
  }
}
#endif

}  // namespace

void to_bytes_plain(const float* values, std::size_t count, ByteScale scale, std::uint8_t* out) {
  const auto least = static_cast<float>(-int{scale.zero});
  const auto most = static_cast<float>(255 - int{scale.zero});
  for (std::size_t i = 0; i < count; ++i) {
    const float steps = values[i] / scale.scale;
    const float kept = steps > least ? std::min(steps, most) : least;  // NaN is not above it
    out[i] = static_cast<std::uint8_t>(static_cast<int>(std::nearbyint(kept)) + scale.zero);
  }
}

void to_bytes(const float* values, std::size_t count, ByteScale scale, std::uint8_t* out) {
#if defined(__x86_64__)
  // A reciprocal of what is nearly nothing, or nearly everything, is none.
  const bool ordinary = scale.scale > 1e-30F && scale.scale < 1e30F;
  if (ordinary && best_instruction_set() >= InstructionSet::avx512) {
    to_bytes_avx512(values, count, scale, out);
    return;
  }
#endif
  to_bytes_plain(values, count, scale, out);
}

void to_floats(const std::uint8_t* bytes, std::size_t count, ByteScale scale, float* out) {
#if defined(__x86_64__)
  if (best_instruction_set() >= InstructionSet::avx512) {
    to_floats_avx512(bytes, count, scale, out);
    return;
  }
#endif
  for (std::size_t i = 0; i < count; ++i) {
    out[i] = static_cast<float>(int{bytes[i]} - int{scale.zero}) * scale.scale;
  }
}

}  // namespace mlops

#if defined(MLOPS_BYTE_ROWS_WARNINGS)
#pragma GCC diagnostic pop
#endif
