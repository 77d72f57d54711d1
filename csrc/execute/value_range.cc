#include "execute/value_range.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#include "base/instruction_set.h"

namespace mlops {
namespace {

// Without their sign, floats are ordered as their bits are, and NaN lies above infinity. So
// `most - bits` is negative for what is too large, and the signs of all can be or-ed together.
// Blocks of a fixed size are what compilers vectorise, and where a search may end early.
template <class Bits>
[[gnu::always_inline]] inline bool within(const std::byte* at, std::size_t count, Bits most) {
  constexpr std::size_t kBlock = 1024;
  constexpr Bits kMagnitude = std::numeric_limits<Bits>::max();
  const auto below = [&](std::size_t i) {
    Bits bits;
    std::memcpy(&bits, at + i * sizeof bits, sizeof bits);
    return static_cast<Bits>(most - (bits & kMagnitude));
  };
  std::size_t done = 0;
  for (; done + kBlock <= count; done += kBlock) {
    Bits signs = 0;
    for (std::size_t i = 0; i < kBlock; ++i) signs = static_cast<Bits>(signs | below(done + i));
    if (signs < 0) return false;
  }
  Bits signs = 0;
  for (; done < count; ++done) signs = static_cast<Bits>(signs | below(done));
  return signs >= 0;
}

template <class Bits>
bool within_plain(const std::byte* at, std::size_t count, Bits most) {
  return within(at, count, most);
}

#ifdef __x86_64__
template <class Bits>
[[gnu::target("avx2")]] bool within_avx2(const std::byte* at, std::size_t count, Bits most) {
  return within(at, count, most);
}
#endif

template <class Bits>
bool within_best(const Tensor& tensor, Bits most) {
  const std::byte* at = tensor.bytes.data();
  const std::size_t count = tensor.bytes.size() / sizeof(Bits);
#ifdef __x86_64__
  static const bool avx2 = best_instruction_set() >= InstructionSet::avx2;
  if (avx2) return within_avx2(at, count, most);
#endif
  return within_plain(at, count, most);
}

constexpr std::int16_t kHalfMost = 0x7BFF;  // 65504
constexpr int kHalfBias = 15;

// The bits of `most`, rounded down.
std::int16_t half_bits(double most) {
  if (most >= 65504) return kHalfMost;
  const int exponent = std::ilogb(most);
  if (exponent < 1 - kHalfBias) return 0;
  const auto fraction = static_cast<int>(std::ldexp(most, 10 - exponent)) & 0x3FF;
  return static_cast<std::int16_t>(((exponent + kHalfBias) << 10) | fraction);
}

std::int32_t single_bits(double most) {
  if (most >= std::numeric_limits<float>::max()) {
    return std::bit_cast<std::int32_t>(std::numeric_limits<float>::max());
  }
  const auto rounded = static_cast<float>(most);
  const auto bits = std::bit_cast<std::int32_t>(rounded);
  return static_cast<double>(rounded) > most ? bits - 1 : bits;
}

}  // namespace

bool floats_within(const Tensor& tensor, double most) {
  switch (tensor.dtype) {
    case DType::f32:
      return within_best(tensor, single_bits(most));
    case DType::f64:
      return within_best(tensor, std::bit_cast<std::int64_t>(most));
    case DType::f16:
      return within_best(tensor, half_bits(most));
    case DType::bf16:
      return within_best(tensor, static_cast<std::int16_t>(single_bits(most) >> 16));
    default:
      return true;
  }
}

}  // namespace mlops
