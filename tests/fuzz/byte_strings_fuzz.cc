// Byte-string tensors as clients send them: the count, the prefix and the walk agree, and what is
// written again is what was read.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "tensor/byte_strings.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  mlops::ByteStringReader reader(bytes);
  std::string again;
  std::size_t count = 0;
  while (const auto element = reader.next()) {
    mlops::append_byte_string(again, *element);
    ++count;
    if (mlops::byte_strings_prefix(bytes, count) != again.size()) std::abort();
  }
  const auto counted = mlops::count_byte_strings(bytes);
  if (counted.has_value() != reader.ok()) std::abort();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (reader.ok() && (*counted != count || again != text)) std::abort();
  if (!reader.ok() && (!text.starts_with(again) || mlops::byte_strings_prefix(bytes, count + 1))) {
    std::abort();
  }
  return 0;
}
