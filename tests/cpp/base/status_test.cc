#include "base/status.h"

#include <gtest/gtest.h>

#include <memory>

namespace mlops {
namespace {

TEST(Status, SaysItsCodeAndMessage) {
  EXPECT_TRUE(Status().ok());
  EXPECT_EQ(Status::not_found("no model 'x'").to_string(), "not_found: no model 'x'");
  EXPECT_EQ(Status().to_string(), "ok");
}

TEST(Result, HoldsAValueOrTheReasonForNone) {
  Result<std::unique_ptr<int>> good(std::make_unique<int>(3));
  ASSERT_TRUE(good.ok());
  EXPECT_TRUE(good.status().ok());
  const std::unique_ptr<int> taken = *std::move(good);
  EXPECT_EQ(*taken, 3);
  const Result<int> bad(Status::internal("broken"));
  EXPECT_FALSE(bad.ok());
  EXPECT_EQ(bad.status().code(), Code::internal);
}

}  // namespace
}  // namespace mlops
