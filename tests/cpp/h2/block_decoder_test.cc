#include "h2/block_decoder.h"

#include <gtest/gtest.h>

#include <random>

#include "h2/hpack_peer.h"

namespace mlops::testing {
namespace {

constexpr std::size_t kBytesMax = 16'384;

// Means its own fields.
class SeenHead final : public RequestHead {
 public:
  explicit SeenHead(const FieldList& list) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      fields.emplace_back(std::string(list[i].name), std::string(list[i].value));
    }
  }
  std::size_t bytes() const override { return held; }
  Fields fields;
  std::size_t held = 64;
};

class Decoding {
 public:
  // As the session does it: by memory when the block is known.
  Fields read(std::string_view block) {
    if (const RequestHeadRef* head = decoder.known(as_span(block))) {
      ++hits;
      return static_cast<const SeenHead&>(**head).fields;
    }
    decoder.begin(FieldRules::Of::request, kBytesMax);
    EXPECT_EQ(decoder.decode(as_span(block), true, true), Http2Error::none);
    const auto head = make_ref<SeenHead>(decoder.fields());
    decoder.remember(as_span(block), head);
    return head->fields;
  }
  BlockDecoder decoder;
  int hits = 0;
};

const Fields kCall = {{":method", "POST"}, {":scheme", "http"},
                      {":path", "/s/M"},   {":authority", "a"},
                      {"te", "trailers"},  {"content-type", "application/grpc"}};

TEST(BlockDecoder, KnowsABlockAtItsThirdTime) {
  Decoding decoding;
  HpackWriter client;
  EXPECT_EQ(decoding.read(client.block(kCall)), kCall);  // fills the table
  for (int i = 0; i < 5; ++i) EXPECT_EQ(decoding.read(client.block(kCall)), kCall);
  EXPECT_EQ(decoding.hits, 3);  // the first was kept by nobody, the second said that it comes again
}

TEST(BlockDecoder, WhatFillsTheTableIsForgotten) {
  Decoding decoding;
  HpackWriter client;
  client.block(kCall);
  Fields other = kCall;
  other.emplace_back("x", "y");
  HpackWriter writer;
  decoding.read(writer.block(kCall));
  for (int i = 0; i < 3; ++i) decoding.read(writer.block(kCall));
  EXPECT_GT(decoding.decoder.memo().bytes(), 0U);
  EXPECT_EQ(decoding.read(writer.block(other)), other);
  EXPECT_EQ(decoding.decoder.memo().bytes(), 0U);
  EXPECT_EQ(decoding.read(writer.block(kCall)), kCall);
}

TEST(BlockDecoder, TellsWhichBlocksLeaveTheTableAlone) {
  const auto leaves = [](std::string_view block) { return leaves_table_alone(as_span(block)); };
  EXPECT_TRUE(leaves(""));
  EXPECT_TRUE(leaves("\x82\xff\x80\x01"));  // indexed, one with a long number
  EXPECT_TRUE(leaves(std::string_view("\x04\x01p\x14\x81\xff", 6)));  // literals with a static name
  EXPECT_TRUE(leaves(std::string_view("\0\1n\1v\x10\1n\1v", 10)));    // and with names of their own
  EXPECT_FALSE(leaves("\x44\x01p"));                                  // added to the table
  EXPECT_FALSE(leaves("\x40\1n\1v"));
  EXPECT_FALSE(leaves("\x20"));  // its size
  EXPECT_FALSE(leaves("\x82\x3f\xe1\x1f"));
  EXPECT_FALSE(leaves("\x21\x01p"));  // taken for a literal it would be one
  for (const char* cut : {"\xff", "\xff\x80", "\x04", "\x04\x02p", "\x0f", "\x04\x7f"}) {
    EXPECT_FALSE(leaves(cut)) << ::testing::PrintToString(cut);
  }
  EXPECT_FALSE(leaves(std::string_view("\0", 1)));
  EXPECT_FALSE(leaves(std::string_view("\0\1n", 3)));
  EXPECT_FALSE(leaves("\xff\x80\x80\x80\x80\x80\x01"));  // a number of no table
}

// The memory never changes what a block means, in any order of blocks that do and do not change the
// table, resize it, or are cut in parts; a second decoder without memory says what they mean.
TEST(BlockDecoder, NeverGivesAnotherBlocksFields) {
  int hits = 0;
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](unsigned bound) { return static_cast<unsigned>(random()) % bound; };
    Decoding decoding;
    HpackReader reference;
    HpackWriter client;
    Fields fields;
    for (int step = 0; step < 300; ++step) {
      if (below(100) == 0) client.table_size(std::size_t{64} << below(7));
      if (step == 0 || below(3) == 0) {  // or what came last comes again
        fields = kCall;
        fields[2].second = "/s/" + std::string(1 + below(2), static_cast<char>('a' + below(2)));
        if (below(2) == 0) {
          fields.emplace_back("x-" + std::to_string(below(40)), std::to_string(below(5)));
        }
        if (below(3) == 0) {
          fields.emplace_back("authorization", "Bearer " + std::to_string(below(3)));
        }
      }
      const std::string block = client.block(fields, below(10) == 0);
      ASSERT_EQ(reference.fields(block), fields);
      if (below(20) == 0 && block.size() > 2) {
        const std::size_t cut = 1 + below(static_cast<unsigned>(block.size()) - 1);
        decoding.decoder.begin(FieldRules::Of::request, kBytesMax);
        decoding.decoder.decode(as_span(std::string_view(block).substr(0, cut)), false, false);
        decoding.decoder.decode(as_span(std::string_view(block).substr(cut)), false, true);
        ASSERT_EQ(SeenHead(decoding.decoder.fields()).fields, fields);
      } else {
        ASSERT_EQ(decoding.read(block), fields) << "seed " << seed << ", step " << step;
      }
      ASSERT_LE(decoding.decoder.memo().bytes(), HeadMemo::kBytesMax);
    }
    hits += decoding.hits;
  }
  EXPECT_GT(hits, 1000);  // or this has tested nothing
}

TEST(HeadMemo, HoldsNoMoreThanItMay) {
  HeadMemo memo;
  FieldList none;
  std::vector<std::string> blocks;
  for (std::size_t i = 0; i < 40; ++i) {
    const std::string block(1 + 97 * i % 4000, static_cast<char>(i));
    const auto head = make_ref<SeenHead>(none);
    head->held = 61 * i;
    memo.offer(as_span(block), head);
    EXPECT_EQ(memo.find(as_span(block)), nullptr);  // once is not enough
    memo.offer(as_span(block), head);
    ASSERT_NE(memo.find(as_span(block)), nullptr);
    EXPECT_EQ(memo.find(as_span(block))->get(), head.get());
    EXPECT_LE(memo.bytes(), HeadMemo::kBytesMax);
  }
  const auto huge = make_ref<SeenHead>(none);
  huge->held = HeadMemo::kBytesMax;
  memo.offer(as_span("huge"), huge);
  memo.offer(as_span("huge"), huge);
  EXPECT_EQ(memo.find(as_span("huge")), nullptr);
  memo.clear();
  EXPECT_EQ(memo.bytes(), 0U);
}

TEST(BlockDecoder, ListsThatAreTooLargeAreReadAndNotKept) {
  Decoding decoding;
  HpackWriter client;
  const Fields large = {{"x", std::string(kBytesMax, 'h')}, {"y", "after"}};
  decoding.decoder.begin(FieldRules::Of::request, kBytesMax);
  EXPECT_EQ(decoding.decoder.decode(as_span(client.block(large)), true, true), Http2Error::none);
  EXPECT_TRUE(decoding.decoder.fields().too_large());
  EXPECT_EQ(decoding.decoder.fields().size(), 0U);
  EXPECT_EQ(decoding.read(client.block(kCall)), kCall);
}

TEST(BlockDecoder, NonsenseIsAnError) {
  for (const std::string_view block : {std::string_view("\xff\xff\xff"), std::string_view("\x80"),
                                       std::string_view("\xbe"), std::string_view("\x41")}) {
    BlockDecoder decoder;
    decoder.begin(FieldRules::Of::request, kBytesMax);
    EXPECT_EQ(decoder.decode(as_span(block), true, true), Http2Error::compression);
  }
}

}  // namespace
}  // namespace mlops::testing
