#include "tensor/byte_strings.h"

#include <bit>
#include <cstring>

namespace mlops {

static_assert(std::endian::native == std::endian::little, "the wire layout is used as it is");

std::optional<std::string_view> ByteStringReader::next() {
  const std::size_t left = bytes_.size() - offset_;
  if (left == 0 || !ok_) return std::nullopt;
  std::uint32_t length = 0;
  if (left < sizeof(length)) {
    ok_ = false;
    return std::nullopt;
  }
  std::memcpy(&length, bytes_.data() + offset_, sizeof(length));
  if (left - sizeof(length) < length) {
    ok_ = false;
    return std::nullopt;
  }
  const auto* start = reinterpret_cast<const char*>(bytes_.data() + offset_ + sizeof(length));
  offset_ += sizeof(length) + length;
  return std::string_view(start, length);
}

std::optional<std::size_t> count_byte_strings(std::span<const std::byte> bytes) {
  ByteStringReader reader(bytes);
  std::size_t count = 0;
  while (reader.next()) ++count;
  if (!reader.ok()) return std::nullopt;
  return count;
}

std::optional<std::size_t> byte_strings_prefix(std::span<const std::byte> bytes,
                                               std::size_t elements) {
  ByteStringReader reader(bytes);
  for (std::size_t i = 0; i < elements; ++i) {
    if (!reader.next()) return std::nullopt;
  }
  return reader.offset();
}

void append_byte_string(std::string& out, std::string_view element) {
  const auto length = static_cast<std::uint32_t>(element.size());
  char prefix[sizeof(length)];
  std::memcpy(prefix, &length, sizeof(length));
  out.append(prefix, sizeof(length)).append(element);
}

}  // namespace mlops
