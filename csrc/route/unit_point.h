#pragma once
// A unit's place in the hash space: XXH3_64(salt || unit), as any other XXH3 computes it, so that
// replicas and other languages agree. Pure.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace mlops {

std::uint64_t unit_point(std::string_view salt, std::string_view unit);
// Of a unit that lies in pieces, as if they stood behind each other.
std::uint64_t unit_point(std::string_view salt, std::span<const std::span<const std::byte>> pieces);

}  // namespace mlops
