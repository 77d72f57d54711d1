#pragma once
// Protobuf's wire format, read in place with the rules of the C++ runtime: what it calls malformed
// is malformed here, what it skips is skipped. Errors are sticky: after one, ok() is false, next()
// is false and every value is empty, so callers check once, after their loop.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "protocol/utf8.h"

namespace mlops {

enum class Wire : std::uint8_t {
  varint = 0,
  fixed64 = 1,
  bytes = 2,
  group = 3,
  end = 4,
  fixed32 = 5
};

constexpr std::uint32_t wire_tag(std::uint32_t field, Wire wire) {
  return field << 3 | static_cast<std::uint32_t>(wire);
}

class WireReader {
 public:
  static constexpr int kDepthMax = 100;  // messages and groups within each other, as protobuf's

  explicit WireReader(std::span<const std::byte> bytes, int depth_left = kDepthMax)
      : at_(reinterpret_cast<const std::uint8_t*>(bytes.data())),
        end_(at_ + bytes.size()),
        depth_left_(depth_left) {}

  bool ok() const { return ok_; }
  bool done() const { return at_ == end_; }

  // Moves to the next field; false at the end and after an error. The caller then takes the value
  // with the accessor that fits tag(), or calls skip().
  bool next() {
    if (done()) return false;
    tag_ = read_tag();
    if (tag_ >> 3 == 0 || wire() == Wire::end) fail();
    return ok_;
  }
  std::uint32_t tag() const { return tag_; }
  Wire wire() const { return static_cast<Wire>(tag_ & 7); }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      if (done()) break;
      const std::uint64_t byte = *at_++;
      value |= (byte & 0x7F) << shift;  // bits beyond 64 are dropped, as protobuf does
      if (byte < 0x80) return value;
    }
    fail();
    return 0;
  }

  template <class T>
  T fixed() {
    T value{};
    if (static_cast<std::size_t>(end_ - at_) < sizeof(T)) {
      fail();
      return value;
    }
    std::memcpy(&value, at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }

  std::span<const std::byte> bytes() {
    const std::uint64_t size = length();
    const auto* start = reinterpret_cast<const std::byte*>(at_);
    at_ += size;
    return {start, static_cast<std::size_t>(size)};
  }

  // A `string` field: bytes that must be UTF-8.
  std::string_view text() {
    const auto raw = bytes();
    const std::string_view view(reinterpret_cast<const char*>(raw.data()), raw.size());
    if (is_utf8(view)) return view;
    fail();
    return {};
  }

  WireReader message() {
    if (depth_left_ == 0) fail();
    return WireReader(bytes(), depth_left_ - 1);
  }
  // A finished sub-message's error is the message's.
  void finish(const WireReader& child) {
    if (!child.ok()) fail();
  }

  void skip() {
    switch (wire()) {
      case Wire::varint:
        varint();
        return;
      case Wire::fixed64:
        fixed<std::uint64_t>();
        return;
      case Wire::bytes:
        bytes();
        return;
      case Wire::group:
        skip_group();
        return;
      case Wire::fixed32:
        fixed<std::uint32_t>();
        return;
      default:
        fail();
    }
  }

  void fail() {
    ok_ = false;
    at_ = end_;
  }

 private:
  // Tags and lengths take at most five bytes, however they are padded; bits beyond 32 of a tag are
  // dropped.
  std::uint64_t read_five() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
      if (done()) break;
      const std::uint64_t byte = *at_++;
      value |= (byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    fail();
    return 0;
  }

  std::uint32_t read_tag() { return static_cast<std::uint32_t>(read_five()); }

  std::uint64_t length() {
    const std::uint64_t size = read_five();
    if (size <= static_cast<std::uint64_t>(end_ - at_)) return size;
    fail();
    return 0;
  }

  void skip_group() {
    std::array<std::uint32_t, kDepthMax> open{};
    int depth = 0;
    std::uint32_t tag = tag_;
    do {
      if (static_cast<Wire>(tag & 7) == Wire::group) {
        if (depth == depth_left_) return fail();
        open[static_cast<std::size_t>(depth++)] = tag >> 3;
      } else if (static_cast<Wire>(tag & 7) == Wire::end) {
        if (open[static_cast<std::size_t>(--depth)] != tag >> 3) return fail();
      } else {
        tag_ = tag;
        skip();
      }
      if (depth > 0) tag = read_tag();
      if (tag >> 3 == 0 || !ok_) return fail();
    } while (depth > 0);
  }

  const std::uint8_t* at_;
  const std::uint8_t* end_;
  std::uint32_t tag_ = 0;
  int depth_left_;
  bool ok_ = true;
};

static_assert(std::endian::native == std::endian::little, "fixed() reads the wire as it is");

}  // namespace mlops
