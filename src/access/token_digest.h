#pragma once
// What is kept of a token: its SHA-256, which for 256 random bits is as good as forgetting it.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mlops {

using TokenDigest = std::array<unsigned char, 32>;

TokenDigest digest_of(std::string_view token);
std::optional<TokenDigest> digest_from_hex(std::string_view hex);
// Takes as long whatever they are.
bool equal_in_constant_time(std::string_view a, std::string_view b);
bool equal_in_constant_time(const TokenDigest& a, const TokenDigest& b);
// Overwrites it, so that it is not found in memory later.
void wipe(std::string& secret);

}  // namespace mlops
