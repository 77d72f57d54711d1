#include "observe/stable_hash.h"

#include <bit>

namespace mlops {
namespace {

// MurmurHash3's finalizer: every bit of the input reaches every bit of the result.
std::uint64_t mix(std::uint64_t word) {
  word ^= word >> 33;
  word *= 0xff51afd7ed558ccdULL;
  word ^= word >> 33;
  word *= 0xc4ceb9fe1a85ec53ULL;
  return word ^ (word >> 33);
}

}  // namespace

// FNV-1a over words of eight bytes, little-endian, the last one filled up with zeros.
std::uint64_t stable_hash(std::string_view bytes, std::uint64_t seed) {
  std::uint64_t hash = mix(seed ^ 0xcbf29ce484222325ULL ^ bytes.size());
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < 8 && at + i < bytes.size(); ++i) {
      word |= std::uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
    }
    hash = mix(hash ^ word) * 0x100000001b3ULL;
  }
  return mix(hash);
}

std::uint64_t stable_hash(double number) {
  return mix(std::bit_cast<std::uint64_t>(number + 0.0) ^ 0x9e3779b97f4a7c15ULL);
}

std::string stable_digest(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint64_t seed : {1, 2}) {
    const std::uint64_t half = stable_hash(bytes, seed);
    for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[(half >> shift) & 15];
  }
  return text;
}

}  // namespace mlops
