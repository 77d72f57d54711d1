#include "batch/queue_policy.h"

#include <gtest/gtest.h>

#include <limits>

namespace mlops {
namespace {

using std::chrono::microseconds;

constexpr TimePoint kNow{std::chrono::seconds(100)};
constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

Request asking(ParameterValue priority) {
  Request request;
  request.parameters.push_back({"other", std::int64_t{1}});
  request.parameters.push_back({"priority", std::move(priority)});
  return request;
}

TEST(QueuePolicyOfARequest, LevelsThatDoNotExistAreTheDefault) {
  DynamicBatching batching;
  batching.priority_levels = 3;
  batching.default_priority_level = 2;
  EXPECT_EQ(priority_level(batching, Request{}), 2U);
  EXPECT_EQ(priority_level(batching, asking(std::int64_t{0})), 2U);
  EXPECT_EQ(priority_level(batching, asking(std::int64_t{1})), 1U);
  EXPECT_EQ(priority_level(batching, asking(std::uint64_t{3})), 3U);
  EXPECT_EQ(priority_level(batching, asking(std::int64_t{4})), 2U);
  EXPECT_EQ(priority_level(batching, asking(std::int64_t{-1})), 2U);
  EXPECT_EQ(priority_level(batching, asking(std::string("1"))), 2U);
  batching.priority_levels = kMost;
  EXPECT_EQ(priority_level(batching, asking(kMost)), kMost);
  batching.priority_levels = 0;
  EXPECT_EQ(priority_level(batching, asking(std::int64_t{1})), 0U);
}

TEST(QueuePolicyOfARequest, ALevelHasItsOwnPolicyOrTheDefaultOne) {
  DynamicBatching batching;
  batching.default_queue_policy.queue_requests_max = 7;
  batching.priority_queue_policy[2].queue_requests_max = 9;
  EXPECT_EQ(policy_of_level(batching, 1).queue_requests_max, 7U);
  EXPECT_EQ(policy_of_level(batching, 2).queue_requests_max, 9U);
}

TEST(QueuePolicyOfARequest, ItsTimeoutOnlyShortensAndOnlyWhereAllowed) {
  struct Case {
    std::uint64_t standard_us;
    bool allowed;
    std::uint64_t asked_us;
    TimePoint expires;
  };
  const Case cases[] = {
      {0, false, 0, kNever},
      {0, false, 5, kNever},
      {0, true, 5, kNow + microseconds(5)},
      {0, true, 0, kNever},
      {10, false, 5, kNow + microseconds(10)},
      {10, true, 5, kNow + microseconds(5)},
      {10, true, 50, kNow + microseconds(10)},
      {10, true, 0, kNow + microseconds(10)},
  };
  for (const Case& c : cases) {
    QueuePolicy policy;
    policy.default_timeout_us = c.standard_us;
    policy.allow_timeout_override = c.allowed;
    Request request;
    request.timeout_us = c.asked_us;
    EXPECT_EQ(queue_expiry(policy, request, kNow), c.expires)
        << c.standard_us << " " << c.allowed << " " << c.asked_us;
  }
  QueuePolicy longest;
  longest.default_timeout_us = kMost;
  EXPECT_GT(queue_expiry(longest, Request{}, kNow), kNow);
}

}  // namespace
}  // namespace mlops
