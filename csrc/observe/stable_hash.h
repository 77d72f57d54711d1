#pragma once
// Hashes that files hold: the same on every machine and in every version. Not against an adversary.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace mlops {

std::uint64_t stable_hash(std::string_view bytes, std::uint64_t seed = 0);
std::uint64_t stable_hash(double number);  // -0.0 as 0.0

// 32 hexadecimal digits.
std::string stable_digest(std::string_view bytes);

}  // namespace mlops
