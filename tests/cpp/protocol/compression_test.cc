#include "protocol/compression.h"

#include <gtest/gtest.h>

#include <random>

namespace mlops {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

std::string packed(Coding coding, const std::string& text) {
  const auto piece = bytes_of(text);
  return compress(coding, {&piece, 1});
}

class Compression : public ::testing::TestWithParam<Coding> {
 protected:
  // What came out, or why nothing did.
  std::string unpacked(const std::string& bytes, std::size_t most = std::size_t{1} << 20) {
    std::size_t size = 0;
    const Result<Buffer> out = decompress(GetParam(), bytes_of(bytes), most, pool_, size);
    if (!out.ok()) return out.status().message();
    return {reinterpret_cast<const char*>((*out)->data()), size};
  }
  SlabPool pool_{std::size_t{64} << 20};
};

constexpr const char* kBroken = "the compressed request could not be read";

TEST_P(Compression, RoundTrips) {
  std::mt19937 random(3);
  for (const std::size_t size : {std::size_t{128}, std::size_t{5000}, std::size_t{300'000}}) {
    std::string text(size, ' ');
    for (char& c : text) c = static_cast<char>('a' + random() % 4);
    const std::string small = packed(GetParam(), text);
    ASSERT_FALSE(small.empty());
    EXPECT_LT(small.size(), text.size());
    EXPECT_EQ(unpacked(small), text);
  }
}

TEST_P(Compression, PiecesAreOneStream) {
  const std::string json(200, 'j');
  const std::string tensor(1000, 't');
  const std::array pieces = {bytes_of(json), std::span<const std::byte>(), bytes_of(tensor)};
  EXPECT_EQ(unpacked(compress(GetParam(), pieces)), json + tensor);
}

TEST_P(Compression, WhatGainsNothingIsLeft) {
  EXPECT_TRUE(packed(GetParam(), std::string(kCompressedBytesMin - 1, 'x')).empty());
  std::mt19937 random(4);
  std::string noise(4096, ' ');
  for (char& c : noise) c = static_cast<char>(random());
  EXPECT_TRUE(packed(GetParam(), noise).empty());
  EXPECT_TRUE(packed(GetParam(), std::string(kCompressedBytesMax + 1, 'x')).empty());
}

TEST_P(Compression, ABombIsRefusedBeforeItGrows) {
  const std::string bomb = packed(GetParam(), std::string(std::size_t{4} << 20, '\0'));
  ASSERT_LT(bomb.size(), 30'000U);
  const std::size_t before = pool_.bytes_in_use();
  EXPECT_NE(unpacked(bomb, 100'000).find("exceeds the maximum allowed input size of 100000"),
            std::string::npos);
  EXPECT_EQ(pool_.bytes_in_use(), before);
  EXPECT_EQ(unpacked(bomb, std::size_t{4} << 20).size(), std::size_t{4} << 20);
  EXPECT_NE(unpacked(bomb, (std::size_t{4} << 20) - 1).find("exceeds"), std::string::npos);
}

TEST_P(Compression, BrokenStreamsAreErrors) {
  const std::string good = packed(GetParam(), std::string(1000, 'x'));
  EXPECT_EQ(unpacked(""), kBroken);
  EXPECT_EQ(unpacked("plainly not compressed, at any rate"), kBroken);
  EXPECT_EQ(unpacked(good.substr(0, good.size() / 2)), kBroken);
  EXPECT_EQ(unpacked(good + "more"), kBroken);
  std::string wrong = good;
  wrong[wrong.size() - 1] = static_cast<char>(wrong.back() ^ 1);  // the checksum
  EXPECT_EQ(unpacked(wrong), kBroken);
}

TEST_P(Compression, MemoryIsThePools) {
  SlabPool small{std::size_t{64} << 10};
  std::size_t size = 0;
  const std::string bytes = packed(GetParam(), std::string(std::size_t{1} << 20, 'x'));
  const auto out = decompress(GetParam(), bytes_of(bytes), std::size_t{1} << 20, small, size);
  EXPECT_EQ(out.status().code(), Code::resource_exhausted);
}

INSTANTIATE_TEST_SUITE_P(Codings, Compression, ::testing::Values(Coding::gzip, Coding::deflate),
                         [](const auto& coding) { return std::string(coding_name(coding.param)); });

TEST(Coding, GzipMembersFollowEachOther) {
  const std::string one = packed(Coding::gzip, std::string(500, 'a'));
  const std::string two = packed(Coding::gzip, std::string(500, 'b'));
  SlabPool pool{std::size_t{1} << 20};
  std::size_t size = 0;
  const auto out = decompress(Coding::gzip, bytes_of(one + two), 1 << 20, pool, size);
  ASSERT_TRUE(out.ok());
  EXPECT_EQ(size, 1000U);
}

TEST(Coding, NamesAndPreferences) {
  EXPECT_EQ(coding_named("GZip"), Coding::gzip);
  EXPECT_EQ(coding_named("x-gzip"), Coding::gzip);
  EXPECT_EQ(coding_named("deflate"), Coding::deflate);
  EXPECT_EQ(coding_named(""), Coding::identity);
  EXPECT_EQ(coding_named("br"), std::nullopt);
  EXPECT_EQ(coding_named("gzip, deflate"), std::nullopt);
  const std::vector<std::pair<const char*, Coding>> cases = {
      {"", Coding::identity},
      {"gzip", Coding::gzip},
      {"br, deflate", Coding::deflate},
      {"gzip;q=0.3, deflate;q=0.8", Coding::deflate},
      {"gzip;q=0", Coding::identity},
      {"identity, gzip;q=0.5", Coding::identity},
      {"*", Coding::gzip},
      {"gzip;q=x", Coding::identity},
      {"gzip;q=7", Coding::identity},
      {",,;,", Coding::identity},
      {"deflate , gzip", Coding::deflate},
  };
  for (const auto& [header, coding] : cases) EXPECT_EQ(preferred_coding(header), coding) << header;
  EXPECT_TRUE(accepts_coding("identity, deflate,gzip", Coding::gzip));
  EXPECT_FALSE(accepts_coding("identity,gzipped", Coding::gzip));
}

}  // namespace
}  // namespace mlops
