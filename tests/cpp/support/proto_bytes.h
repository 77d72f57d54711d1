#pragma once
// Just enough of protobuf's writing to make ONNX files that no exporter would.

#include <cstdint>
#include <string>

namespace mlops::testing {

inline std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 128; value >>= 7) bytes += static_cast<char>(value | 128);
  return bytes + static_cast<char>(value);
}

// A field that has a length: bytes, text or another message.
inline std::string field(unsigned number, const std::string& bytes) {
  return varint(number << 3 | 2) + varint(bytes.size()) + bytes;
}

}  // namespace mlops::testing
