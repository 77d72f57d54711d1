#include "detect/python_random.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace mlops {
namespace {

constexpr std::size_t kShift = 397;

std::uint32_t twist(std::uint32_t upper, std::uint32_t lower) {
  const std::uint32_t both = (upper & 0x80000000u) | (lower & 0x7fffffffu);
  return (both >> 1) ^ ((both & 1u) ? 0x9908b0dfu : 0u);
}

// Up to this many of n, CPython draws from a pool of what is left; above, it draws again what it
// has already. The two give different samples.
bool draws_from_pool(std::uint32_t n, std::size_t k) {
  std::uint64_t set_size = 21;
  if (k > 5) {
    std::uint64_t power = 1;
    while (power < 3 * static_cast<std::uint64_t>(k)) power *= 4;
    set_size += power;
  }
  return n <= set_size;
}

}  // namespace

void PythonRandom::seed_linear(std::uint32_t seed) {
  state_[0] = seed;
  for (std::size_t i = 1; i < kWords; ++i)
    state_[i] = 1812433253u * (state_[i - 1] ^ (state_[i - 1] >> 30)) + std::uint32_t(i);
}

void PythonRandom::reseed(std::uint64_t seed) {
  const std::array<std::uint32_t, 2> key = {std::uint32_t(seed), std::uint32_t(seed >> 32)};
  const std::size_t keys = key[1] == 0 ? 1 : 2;
  seed_linear(19650218u);
  std::size_t i = 1;
  const auto step = [&](std::uint32_t factor, std::uint32_t add) {
    state_[i] = (state_[i] ^ ((state_[i - 1] ^ (state_[i - 1] >> 30)) * factor)) + add;
    if (++i == kWords) {
      state_[0] = state_[kWords - 1];
      i = 1;
    }
  };
  for (std::size_t k = 0; k < kWords; ++k) step(1664525u, key[k % keys] + std::uint32_t(k % keys));
  for (std::size_t k = 1; k < kWords; ++k) step(1566083941u, 0u - std::uint32_t(i));
  state_[0] = 0x80000000u;
  next_ = kWords;
}

void PythonRandom::refill() {
  for (std::size_t i = 0; i < kWords; ++i)
    state_[i] = state_[(i + kShift) % kWords] ^ twist(state_[i], state_[(i + 1) % kWords]);
  next_ = 0;
}

std::uint32_t PythonRandom::bits32() {
  if (next_ == kWords) refill();
  std::uint32_t y = state_[next_++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

std::uint32_t PythonRandom::below(std::uint32_t n) {
  const int bits = std::bit_width(n);
  std::uint32_t draw = bits32() >> (32 - bits);
  while (draw >= n) draw = bits32() >> (32 - bits);
  return draw;
}

void PythonRandom::sample(std::uint32_t n, std::span<std::uint32_t> out,
                          std::vector<std::uint32_t>& scratch) {
  if (draws_from_pool(n, out.size())) {
    std::iota(scratch.begin(), scratch.begin() + n, 0u);
    for (std::uint32_t left = n; std::uint32_t & drawn : out) {
      const std::uint32_t at = below(left);
      drawn = scratch[at];
      scratch[at] = scratch[--left];
    }
    return;
  }
  std::fill(scratch.begin(), scratch.begin() + n, 0u);
  for (std::uint32_t& drawn : out) {
    do drawn = below(n);
    while (scratch[drawn] != 0);
    scratch[drawn] = 1;
  }
}

}  // namespace mlops
