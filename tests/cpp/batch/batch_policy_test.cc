#include "batch/batch_policy.h"

#include <gtest/gtest.h>

namespace mlops {
namespace {

using std::chrono::microseconds;

constexpr TimePoint kStart{std::chrono::seconds(100)};

struct Case {
  const char* what;
  std::int64_t rows_waiting;
  microseconds waited;
  bool more_may_come;
  microseconds delay_max;
  bool takes;
  std::int64_t preferred_rows = 0;
  std::int64_t taken = 8;
};

TEST(BatchPolicy, Table) {
  const Case cases[] = {
      {"no delay: an idle lane never waits", 1, microseconds(0), true, microseconds(0), true},
      {"young and not full: wait", 1, microseconds(10), true, microseconds(100), false},
      {"old enough: take what is there", 1, microseconds(100), true, microseconds(100), true},
      {"full: take at once", 8, microseconds(0), true, microseconds(100), true},
      {"more than full: take at once", 80, microseconds(0), true, microseconds(100), true},
      {"a preferred size: take that much", 5, microseconds(0), true, microseconds(100), true, 4, 4},
      {"old: a preferred size is no bound", 5, microseconds(100), true, microseconds(100), true, 4},
      {"draining: nobody else will come", 1, microseconds(0), false, microseconds(100), true},
  };
  for (const Case& c : cases) {
    const BatchDecision decision =
        next_step({c.rows_waiting, kStart, c.more_may_come, c.preferred_rows}, kStart + c.waited,
                  {8, c.delay_max, {}});
    EXPECT_EQ(std::holds_alternative<TakeRows>(decision), c.takes) << c.what;
    if (c.takes) {
      EXPECT_EQ(std::get<TakeRows>(decision).rows_max, c.taken) << c.what;
    } else {
      EXPECT_EQ(std::get<WaitUntil>(decision).at, kStart + c.delay_max) << c.what;
    }
  }
}

}  // namespace
}  // namespace mlops
