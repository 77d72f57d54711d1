#pragma once
// Frames as the bytes that they are, and the fields of header blocks, for tests that play the peer
// by hand.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "h2/frame.h"

namespace mlops::testing {

inline std::span<const std::byte> as_span(std::string_view text) {
  return std::as_bytes(std::span(text));
}

inline std::string u32(std::uint32_t value) {
  std::string text;
  for (const int shift : {24, 16, 8, 0}) text.push_back(static_cast<char>(value >> shift));
  return text;
}

inline std::string frame(FrameType type, std::uint8_t flags, std::int32_t stream,
                         std::string_view payload) {
  std::string bytes = u32(static_cast<std::uint32_t>(payload.size())).substr(1);
  bytes.push_back(static_cast<char>(type));
  bytes.push_back(static_cast<char>(flags));
  return bytes.append(u32(static_cast<std::uint32_t>(stream))).append(payload);
}

inline std::string setting(SettingId id, std::uint32_t value) {
  return u32(static_cast<std::uint32_t>(id)).substr(2) + u32(value);
}

inline std::string greeting(std::string_view settings = {}) {
  return std::string(kHttp2Preface) + frame(FrameType::settings, 0, 0, settings);
}

// A literal that no table keeps, not Huffman-coded; both shorter than 127 bytes.
inline std::string literal(std::string_view name, std::string_view value) {
  std::string text(1, '\0');
  text.push_back(static_cast<char>(name.size()));
  text.append(name);
  text.push_back(static_cast<char>(value.size()));
  return text.append(value);
}

// What every request has: :method POST, :scheme http, :path /, and an authority.
inline std::string request_block(std::string_view more = {}) {
  return std::string("\x83\x86\x84") + literal(":authority", "t") + std::string(more);
}

}  // namespace mlops::testing
