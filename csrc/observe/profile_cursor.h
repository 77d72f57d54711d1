#pragma once
// Reading and writing the plain parts of a profile's bytes. A reader that met something wrong
// returns zeros from then on, so that its user checks once.

#include <bit>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace mlops {

class ProfileWriter {
 public:
  template <std::unsigned_integral Word>
  void fixed(Word word) {
    for (std::size_t i = 0; i < sizeof(Word); ++i) {
      bytes_ += static_cast<char>((word >> (8 * i)) & 0xFF);
    }
  }
  void real(float value) { fixed(std::bit_cast<std::uint32_t>(value)); }
  void real(double value) { fixed(std::bit_cast<std::uint64_t>(value)); }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>((value & 0x7F) | 0x80);
    bytes_ += static_cast<char>(value);
  }
  void text(std::string_view text) {
    varint(text.size());
    bytes_ += text;
  }
  void raw(std::string_view bytes) { bytes_ += bytes; }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

class ProfileReader {
 public:
  explicit ProfileReader(std::string_view bytes) : left_(bytes) {}

  bool ok() const { return ok_; }
  void fail() { ok_ = false; }
  std::size_t left() const { return left_.size(); }

  std::string_view raw(std::size_t size) {
    if (!ok_ || size > left_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }
  template <std::unsigned_integral Word>
  Word fixed() {
    Word word = 0;
    const std::string_view taken = raw(sizeof(Word));
    for (std::size_t i = 0; i < taken.size(); ++i) {
      word |= static_cast<Word>(Word{static_cast<unsigned char>(taken[i])} << (8 * i));
    }
    return word;
  }
  float real32() { return std::bit_cast<float>(fixed<std::uint32_t>()); }
  double real64() { return std::bit_cast<double>(fixed<std::uint64_t>()); }
  // In the shortest form, and at most `most`.
  std::uint64_t varint(std::uint64_t most) {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 63; shift += 7) {
      const std::uint64_t byte = fixed<std::uint8_t>();
      value |= (byte & 0x7F) << shift;
      if (byte < 0x80) {
        if ((byte == 0 && shift > 0) || value > most) ok_ = false;
        return ok_ ? value : 0;
      }
    }
    ok_ = false;
    return 0;
  }
  std::string_view text(std::size_t most) { return raw(varint(most)); }

 private:
  std::string_view left_;
  bool ok_ = true;
};

}  // namespace mlops
