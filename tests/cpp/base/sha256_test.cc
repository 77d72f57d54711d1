#include "base/sha256.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace mlops {
namespace {

constexpr auto kFastest = Sha256::Method::fastest;
constexpr auto kPortable = Sha256::Method::portable;

std::string digest(std::string_view text, Sha256::Method method) {
  Sha256 sha(method);
  sha.add(text);
  return to_hex(sha.finish());
}

// From FIPS 180-4's examples and NIST's test vectors.
TEST(Sha256, GivesThePublishedDigests) {
  for (const auto method : {kFastest, kPortable}) {
    EXPECT_EQ(digest("", method),
              "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(digest("abc", method),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", method),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    EXPECT_EQ(digest(std::string(1'000'000, 'a'), method),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  }
}

TEST(Sha256, IsTheSameHoweverTheBytesAreCutAndWhoeverComputes) {
  std::mt19937 random(7);
  std::string text;
  for (int length = 0; length < 300; ++length) {
    const std::string whole = digest(text, kPortable);
    EXPECT_EQ(digest(text, kFastest), whole) << length;
    Sha256 pieces;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = std::min<std::size_t>(text.size() - at, random() % 130);
      pieces.add(std::string_view(text).substr(at, size));
      at += size;
    }
    EXPECT_EQ(to_hex(pieces.finish()), whole) << length;
    text += static_cast<char>(random());
  }
}

}  // namespace
}  // namespace mlops
