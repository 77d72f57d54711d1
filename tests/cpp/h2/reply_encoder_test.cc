#include "h2/reply_encoder.h"

#include <gtest/gtest.h>

#include <random>

#include "h2/hpack_peer.h"

namespace mlops::testing {
namespace {

const Fields kOkHead = {{":status", "200"}, {"content-type", "application/grpc"}};
const Fields kOkTrailer = {{"grpc-status", "0"}};

std::string ok_head(ReplyEncoder& encoder) {
  std::string block;
  encoder.begin(block);
  encoder.ok_head(block);
  return block;
}

std::string ok_trailer(ReplyEncoder& encoder) {
  std::string block;
  encoder.begin(block);
  encoder.ok_trailer(block);
  return block;
}

std::string others(ReplyEncoder& encoder, const Fields& fields) {
  std::string block;
  encoder.begin(block);
  for (const auto& [name, value] : fields) encoder.field(block, name, value);
  return block;
}

TEST(ReplyEncoder, GoodRepliesAreThreeBytesOfFields) {
  ReplyEncoder encoder;
  HpackReader peer;
  EXPECT_EQ(peer.fields(ok_head(encoder)), kOkHead);
  EXPECT_EQ(peer.fields(ok_trailer(encoder)), kOkTrailer);
  const std::string head = ok_head(encoder);
  const std::string trailer = ok_trailer(encoder);
  EXPECT_EQ(head.size() + trailer.size(), 3U);
  EXPECT_EQ(peer.fields(head), kOkHead);
  EXPECT_EQ(peer.fields(trailer), kOkTrailer);
}

TEST(ReplyEncoder, APeerWithoutATableGetsLiterals) {
  for (const std::uint32_t size : {0U, 1U, 60U, 127U}) {
    ReplyEncoder encoder;
    HpackReader peer;
    encoder.peer_table_size(size);
    peer.table_size(size);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(peer.fields(ok_head(encoder)), kOkHead);
      EXPECT_EQ(peer.fields(ok_trailer(encoder)), kOkTrailer);
    }
  }
}

// Any replies in any order, while the peer changes its mind about its table.
TEST(ReplyEncoder, IsUnderstoodWhateverThePeersTable) {
  for (unsigned seed = 0; seed < 100; ++seed) {
    std::mt19937 source(seed);
    const auto random = [&] { return static_cast<std::uint32_t>(source()); };
    ReplyEncoder encoder;
    HpackReader peer;
    for (int step = 0; step < 50; ++step) {
      if (random() % 8 == 0) {
        const std::uint32_t size = random() % 2 ? random() % 200 : random() % 100'000;
        encoder.peer_table_size(size);
        peer.table_size(size);
      }
      const Fields error = {{":status", "405"},
                            {"grpc-message", std::string(random() % 700, 'e')},
                            {"content-type", "application/grpc"},
                            {"grpc-status", "13"}};
      switch (random() % 3) {
        case 0:
          ASSERT_EQ(peer.fields(ok_head(encoder)), kOkHead);
          break;
        case 1:
          ASSERT_EQ(peer.fields(ok_trailer(encoder)), kOkTrailer);
          break;
        default:
          ASSERT_EQ(peer.fields(others(encoder, error)), error);
      }
    }
  }
}

}  // namespace
}  // namespace mlops::testing
