#pragma once
// HTTP/2's vocabulary (RFC 9113): frame types, flags, error codes, settings, and the nine bytes
// that every frame begins with. Pure.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace mlops {

inline constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
inline constexpr std::size_t kFrameHeadBytes = 9;
inline constexpr std::int64_t kWindowMax = 0x7fff'ffff;
inline constexpr std::int64_t kWindowDefault = 65'535;
inline constexpr std::uint32_t kFrameBytesDefault = 16'384;
inline constexpr std::uint32_t kFrameBytesLimit = 0xff'ffff;

enum class FrameType : std::uint8_t {
  data = 0,
  headers = 1,
  priority = 2,
  rst_stream = 3,
  settings = 4,
  push_promise = 5,
  ping = 6,
  goaway = 7,
  window_update = 8,
  continuation = 9,
};

inline constexpr std::uint8_t kFlagAck = 0x1;
inline constexpr std::uint8_t kFlagEndStream = 0x1;
inline constexpr std::uint8_t kFlagEndHeaders = 0x4;
inline constexpr std::uint8_t kFlagPadded = 0x8;
inline constexpr std::uint8_t kFlagPriority = 0x20;

enum class Http2Error : std::uint32_t {
  none = 0,
  protocol = 1,
  internal = 2,
  flow_control = 3,
  settings_timeout = 4,
  stream_closed = 5,
  frame_size = 6,
  refused_stream = 7,
  cancel = 8,
  compression = 9,
  connect = 10,
  enhance_your_calm = 11,
};

enum class SettingId : std::uint16_t {
  header_table_size = 1,
  enable_push = 2,
  max_concurrent_streams = 3,
  initial_window_size = 4,
  max_frame_size = 5,
  max_header_list_size = 6,
  no_rfc7540_priorities = 9,
};
inline constexpr std::size_t kSettingBytes = 6;

struct FrameHead {
  std::uint32_t length = 0;  // of the payload
  FrameType type = FrameType::data;
  std::uint8_t flags = 0;
  std::int32_t stream = 0;

  bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
};

// `bytes` has at least two, or four.
inline std::uint32_t read_u16(std::span<const std::byte> bytes) {
  return std::to_integer<std::uint32_t>(bytes[0]) << 8 | std::to_integer<std::uint32_t>(bytes[1]);
}
inline std::uint32_t read_u32(std::span<const std::byte> bytes) {
  return read_u16(bytes) << 16 | read_u16(bytes.subspan(2));
}
// The upper bit is reserved.
inline std::int32_t read_u31(std::span<const std::byte> bytes) {
  return static_cast<std::int32_t>(read_u32(bytes) & 0x7fff'ffffU);
}

inline FrameHead read_frame_head(std::span<const std::byte> bytes) {
  return {.length = std::to_integer<std::uint32_t>(bytes[0]) << 16 | read_u16(bytes.subspan(1)),
          .type = static_cast<FrameType>(bytes[3]),
          .flags = std::to_integer<std::uint8_t>(bytes[4]),
          .stream = read_u31(bytes.subspan(5))};
}

}  // namespace mlops
