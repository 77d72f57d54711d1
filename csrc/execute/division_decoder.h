#pragma once
// Reads one x86-64 DIV or IDIV instruction: how long it is and how wide. Pure.

#include <cstddef>
#include <cstdint>
#include <optional>

namespace mlops {

enum class DivisionWidth { byte, word, wide };  // 8, 16, and 32 or 64 bits

struct Division {
  std::size_t size = 0;  // bytes of code
  DivisionWidth width = DivisionWidth::wide;
};

// nullopt when the instruction at `code` is no division. Reads no further than the instruction.
// Source: Intel 64 SDM volume 2, chapter 2 (instruction format), DIV and IDIV.
inline std::optional<Division> decode_division(const unsigned char* code) {
  const unsigned char* at = code;
  Division division;
  // Prefixes in any order: operand size, segments, address size, and ones that mean nothing here.
  for (;; ++at) {
    if (*at == 0x66) {
      division.width = DivisionWidth::word;
    } else if (*at != 0x67 && *at != 0xf2 && *at != 0xf3 && *at != 0x2e && *at != 0x36 &&
               *at != 0x3e && *at != 0x26 && *at != 0x64 && *at != 0x65) {
      break;
    }
  }
  if ((*at & 0xf0) == 0x40) {
    if ((*at & 0x08) != 0) division.width = DivisionWidth::wide;  // REX.W
    ++at;
  }
  if (*at != 0xf6 && *at != 0xf7) return std::nullopt;
  if (*at == 0xf6) division.width = DivisionWidth::byte;
  ++at;
  const unsigned modrm = *at++;
  const unsigned operation = (modrm >> 3) & 7;
  if (operation != 6 && operation != 7) return std::nullopt;  // neither DIV nor IDIV
  const unsigned mode = modrm >> 6;
  const unsigned base = modrm & 7;
  std::size_t displacement = mode == 1 ? 1 : mode == 2 ? 4 : 0;
  if (mode != 3) {
    if (base == 4) {  // a SIB byte follows, whose base 5 stands for a displacement in mode 0
      if (mode == 0 && (*at & 7) == 5) displacement = 4;
      ++at;
    } else if (mode == 0 && base == 5) {  // relative to RIP
      displacement = 4;
    }
  }
  division.size = static_cast<std::size_t>(at - code) + displacement;
  return division;
}

}  // namespace mlops
