#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <random>
#include <string_view>
#include <vector>

namespace mlops {
namespace {

std::uint32_t crc(std::span<const std::byte> bytes, Crc32c::Method method) {
  Crc32c sum(method);
  sum.add(bytes);
  return sum.value();
}

// From RFC 3720, B.4, and the check value of the usual tables of CRCs.
TEST(Crc32c, GivesThePublishedValues) {
  for (const auto method : {Crc32c::Method::fastest, Crc32c::Method::portable}) {
    EXPECT_EQ(crc(std::vector<std::byte>(32), method), 0x8a9136aaU);
    EXPECT_EQ(crc(std::vector<std::byte>(32, std::byte{0xff}), method), 0x62a8ab43U);
    EXPECT_EQ(crc(std::as_bytes(std::span(std::string_view("123456789"))), method), 0xe3069283U);
    EXPECT_EQ(crc({}, method), 0U);
  }
}

TEST(Crc32c, IsTheSameHoweverTheBytesAreCutAndWhoeverComputes) {
  std::mt19937 random(5);
  std::vector<std::byte> bytes;
  for (int length = 0; length < 200; ++length) {
    const std::uint32_t whole = crc(bytes, Crc32c::Method::portable);
    EXPECT_EQ(crc(bytes, Crc32c::Method::fastest), whole);
    Crc32c pieces;
    const std::size_t cut = bytes.empty() ? 0 : random() % bytes.size();
    pieces.add(std::span(bytes).first(cut));
    pieces.add(std::span(bytes).subspan(cut));
    EXPECT_EQ(pieces.value(), whole) << length;
    bytes.push_back(static_cast<std::byte>(random()));
  }
}

}  // namespace
}  // namespace mlops
