#pragma once
// DType::bytes everywhere in the engine is KServe's wire layout: each element is a 4-byte
// little-endian length followed by that many bytes. So strings are gathered by concatenation.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace mlops {

// Walks the elements of a byte-string tensor. next() gives nullopt at the end and when malformed;
// ok() tells which.
class ByteStringReader {
 public:
  explicit ByteStringReader(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::optional<std::string_view> next();
  bool ok() const { return ok_; }
  std::size_t offset() const { return offset_; }  // bytes consumed so far

 private:
  std::span<const std::byte> bytes_;
  std::size_t offset_ = 0;
  bool ok_ = true;
};

// Number of elements, or nullopt when the layout is broken.
std::optional<std::size_t> count_byte_strings(std::span<const std::byte> bytes);

// Bytes taken by the first `elements` elements, or nullopt when there are fewer or it is broken.
std::optional<std::size_t> byte_strings_prefix(std::span<const std::byte> bytes,
                                               std::size_t elements);

void append_byte_string(std::string& out, std::string_view element);  // element < 4 GiB

}  // namespace mlops
