#include "access/token_digest.h"

#include <gtest/gtest.h>

namespace mlops {
namespace {

// Every length around whole words of eight, and a difference of one bit at every place.
TEST(TokenDigest, TextsAreEqualOnlyWhenEveryBitIs) {
  for (std::size_t size = 0; size <= 40; ++size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 37 + size);
    EXPECT_TRUE(equal_in_constant_time(text, std::string(text))) << size;
    EXPECT_FALSE(equal_in_constant_time(text, text + "x")) << size;
    for (std::size_t bit = 0; bit < 8 * size; ++bit) {
      std::string other = text;
      other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << bit % 8));
      EXPECT_FALSE(equal_in_constant_time(text, other)) << size << " bit " << bit;
    }
  }
}

TEST(TokenDigest, HexadecimalIsReadOrRefused) {
  EXPECT_EQ(digest_from_hex(std::string(64, 'f')), (TokenDigest{[] {
              TokenDigest all;
              all.fill(0xff);
              return all;
            }()}));
  EXPECT_EQ(digest_from_hex(std::string(63, 'f')), std::nullopt);
  EXPECT_EQ(digest_from_hex(std::string(63, 'f') + "g"), std::nullopt);
  EXPECT_EQ(digest_from_hex(""), std::nullopt);
}

}  // namespace
}  // namespace mlops
