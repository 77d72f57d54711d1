#include "protocol/trace_context.h"

#include <gtest/gtest.h>

namespace mlops {
namespace {

constexpr std::string_view kGood = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

std::string with(std::size_t at, std::string_view text) {
  return std::string(kGood).replace(at, text.size(), text);
}

TEST(TraceContext, ReadsIdsFlagsAndState) {
  const auto context = parse_trace_context(kGood, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
  ASSERT_TRUE(context);
  EXPECT_EQ(context->trace[0], 0x0a);
  EXPECT_EQ(context->trace[15], 0x9c);
  EXPECT_EQ(context->parent[7], 0x31);
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(context->state, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
  EXPECT_FALSE(parse_trace_context(with(53, "00"), "")->sampled);
  EXPECT_TRUE(parse_trace_context(with(53, "03"), "")->sampled);
  EXPECT_EQ(trace_id_text(kGood), "0af7651916cd43dd8448eb211c80319c");
}

TEST(TraceContext, WhatIsNoTraceparentIsNothing) {
  const std::string zeros = "00000000000000000000000000000000";
  for (const std::string& text :
       {std::string(), std::string(kGood.substr(1)), std::string(kGood.substr(0, 54)),
        with(0, "ff"), with(0, "0g"), with(2, "_"), with(3, zeros), with(36, zeros.substr(16)),
        with(4, "A"), with(35, "0"), with(52, "0"), with(54, "x"), std::string(kGood) + "-00",
        std::string(kGood) + "0"}) {
    EXPECT_FALSE(parse_trace_context(text, "")) << text;
    EXPECT_EQ(trace_id_text(text), "") << text;
  }
}

TEST(TraceContext, ANewerVersionIsReadAsFarAsItIsKnown) {
  EXPECT_TRUE(parse_trace_context(with(0, "01"), ""));
  EXPECT_TRUE(parse_trace_context(with(0, "cc") + "-what-the-future-brings", ""));
  EXPECT_FALSE(parse_trace_context(with(0, "cc") + ".x", ""));
}

TEST(TraceContext, AStateThatIsNoneIsDroppedAlone) {
  for (const std::string& state :
       {std::string("a"), std::string("a=\x01"), "a=" + std::string(600, 'x')}) {
    const auto context = parse_trace_context(kGood, state);
    ASSERT_TRUE(context);
    EXPECT_EQ(context->state, "");
  }
}

}  // namespace
}  // namespace mlops
