#pragma once
// One protobuf message, field by field, straight off its bytes: what reading an ONNX file's graph
// needs, without a protobuf library. A view: the bytes outlive it. Never reads outside of them.

#include <cstdint>
#include <cstring>
#include <string_view>

namespace mlops {

class ProtoCursor {
 public:
  explicit ProtoCursor(std::string_view message) : rest_(message) {}

  // The next field; false at the end and where the bytes are no protobuf. ok() tells which.
  bool next() {
    if (rest_.empty() || !ok_) return false;
    const std::uint64_t tag = varint();
    field_ = static_cast<std::uint32_t>(tag >> 3);
    if (!ok_ || field_ == 0 || tag > UINT32_MAX) return fail();
    is_bytes_ = false;
    switch (tag & 7U) {
      case 0:
        number_ = varint();
        return ok_;
      case 1:
        return fixed(8);
      case 2:
        is_bytes_ = true;
        number_ = varint();
        if (!ok_ || number_ > rest_.size()) return fail();
        bytes_ = rest_.substr(0, static_cast<std::size_t>(number_));
        rest_.remove_prefix(bytes_.size());
        return true;
      case 5:
        return fixed(4);
      default:
        return fail();  // groups: ONNX never had any
    }
  }

  bool ok() const { return ok_; }
  std::uint32_t field() const { return field_; }
  bool is_bytes() const { return is_bytes_; }
  std::uint64_t number() const { return number_; }   // of a varint or fixed field, raw bits
  std::string_view bytes() const { return bytes_; }  // of a length-delimited one
  std::int64_t integer() const { return static_cast<std::int64_t>(number_); }

  // Packed varints: read with a cursor over bytes() until done().
  bool done() const { return rest_.empty() || !ok_; }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<std::uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80) return value;
    }
    ok_ = false;
    return 0;
  }

 private:
  bool fixed(std::size_t size) {
    if (rest_.size() < size) return fail();
    number_ = 0;
    std::memcpy(&number_, rest_.data(), size);  // little-endian, as every machine we build for
    rest_.remove_prefix(size);
    return true;
  }
  bool fail() { return ok_ = false; }

  std::string_view rest_;
  std::string_view bytes_;
  std::uint64_t number_ = 0;
  std::uint32_t field_ = 0;
  bool is_bytes_ = false;
  bool ok_ = true;
};

}  // namespace mlops
