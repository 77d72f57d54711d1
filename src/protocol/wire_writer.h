#pragma once
// Protobuf's wire format, appended to a string. proto3 rules (no defaults on the wire) are the
// caller's, except in append_text_field, which leaves out empty strings.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/wire_reader.h"

namespace mlops {

constexpr std::size_t varint_size(std::uint64_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}

inline void append_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

inline void append_tag(std::string& out, std::uint32_t field, Wire wire) {
  append_varint(out, wire_tag(field, wire));
}

inline void append_bytes_field(std::string& out, std::uint32_t field, std::string_view value) {
  append_tag(out, field, Wire::bytes);
  append_varint(out, value.size());
  out.append(value);
}

inline void append_text_field(std::string& out, std::uint32_t field, std::string_view value) {
  if (!value.empty()) append_bytes_field(out, field, value);
}

// Size of append_text_field's output for a field number below 16.
constexpr std::size_t text_field_size(std::string_view value) {
  return value.empty() ? 0 : 1 + varint_size(value.size()) + value.size();
}

}  // namespace mlops
