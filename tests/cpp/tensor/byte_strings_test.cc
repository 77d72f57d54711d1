#include "tensor/byte_strings.h"

#include <gtest/gtest.h>

namespace mlops {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

TEST(ByteStrings, RoundTripAnyContent) {
  const std::string elements[] = {"", "a", std::string("nul\0inside", 10), std::string(70000, 'x')};
  std::string packed;
  for (const std::string& element : elements) append_byte_string(packed, element);
  ByteStringReader reader(bytes_of(packed));
  for (const std::string& element : elements) EXPECT_EQ(reader.next(), element);
  EXPECT_FALSE(reader.next());
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(count_byte_strings(bytes_of(packed)), 4U);
  EXPECT_EQ(byte_strings_prefix(bytes_of(packed), 2), 4U + 4U + 1U);
}

TEST(ByteStrings, EveryTruncationIsNoticed) {
  std::string packed;
  append_byte_string(packed, "abc");
  append_byte_string(packed, "defg");
  for (std::size_t size = 0; size <= packed.size(); ++size) {
    const auto count = count_byte_strings(bytes_of(packed).first(size));
    if (size == 0 || size == 7 || size == packed.size()) {
      EXPECT_TRUE(count) << size;
    } else {
      EXPECT_FALSE(count) << size;
    }
  }
}

TEST(ByteStrings, AHugeLengthDoesNotWrapAround) {
  const std::string packed(
      "\xff\xff\xff\xff"
      "ab",
      6);
  EXPECT_FALSE(count_byte_strings(bytes_of(packed)));
  EXPECT_FALSE(byte_strings_prefix(bytes_of(packed), 1));
}

}  // namespace
}  // namespace mlops
