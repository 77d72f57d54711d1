#include "route/unit_point.h"

#include <array>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace mlops {

std::uint64_t unit_point(std::string_view salt, std::string_view unit) {
  std::array<char, 256> together;
  if (salt.size() + unit.size() > together.size()) {
    const auto bytes = std::as_bytes(std::span(unit));
    return unit_point(salt, {&bytes, 1});
  }
  salt.copy(together.data(), salt.size());
  unit.copy(together.data() + salt.size(), unit.size());
  return XXH3_64bits(together.data(), salt.size() + unit.size());
}

std::uint64_t unit_point(std::string_view salt,
                         std::span<const std::span<const std::byte>> pieces) {
  XXH3_state_t state;
  XXH3_INITSTATE(&state);
  XXH3_64bits_reset(&state);
  XXH3_64bits_update(&state, salt.data(), salt.size());
  for (const auto& piece : pieces) XXH3_64bits_update(&state, piece.data(), piece.size());
  return XXH3_64bits_digest(&state);
}

}  // namespace mlops
