#include "admin/last_words.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

namespace mlops {
namespace {

void fail(const std::string& why) { throw std::runtime_error(why); }

void log_and_end() noexcept {
  LogLines log(LogFormat::text, STDERR_FILENO);
  const LastWords last_words(log);
  for (int i = 0; i < 2000; ++i) log.log(Severity::info, "line " + std::to_string(i) + ".");
  fail("nobody catches this");
}

TEST(LastWordsDeathTest, WhatWasLoggedIsWrittenBeforeTheProcessEnds) {
  ::testing::GTEST_FLAG(death_test_style) = "threadsafe";
  EXPECT_DEATH(log_and_end(), "line 1999\\.");
}

TEST(LastWords, LeavesTheHandlerAsItWas) {
  const std::terminate_handler before = std::get_terminate();
  {
    LogLines log(LogFormat::text, -1);
    const LastWords last_words(log);
    EXPECT_NE(std::get_terminate(), before);
  }
  EXPECT_EQ(std::get_terminate(), before);
}

}  // namespace
}  // namespace mlops
