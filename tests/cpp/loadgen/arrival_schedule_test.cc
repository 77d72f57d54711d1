#include "loadgen/arrival_schedule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace mlops::loadgen {
namespace {

TEST(ArrivalSchedule, ConstantDoesNotDriftOverMillionsOfArrivals) {
  ArrivalSchedule schedule(Arrivals::kConstant, 3.0, 1,
                           1000);  // a third of a second has no exact nanosecond count
  for (int i = 0; i < 3'000'000; ++i) schedule.advance();
  EXPECT_NEAR(static_cast<double>(schedule.next_ns() - 1000), 1e15, 1);
}

TEST(ArrivalSchedule, PoissonGapsAreExponential) {
  ArrivalSchedule schedule(Arrivals::kPoisson, 1000, 42, 0);
  const int n = 200'000;
  std::int64_t before = 0;
  double sum = 0;
  double squares = 0;
  int above_mean = 0;
  for (int i = 0; i < n; ++i) {
    const auto gap = static_cast<double>(schedule.next_ns() - before) * 1e-6;
    ASSERT_GE(gap, 0);
    before = schedule.next_ns();
    sum += gap;
    squares += gap * gap;
    above_mean += gap > 1 ? 1 : 0;
    schedule.advance();
  }
  const double mean = sum / n;
  EXPECT_NEAR(mean, 1, 0.01);                       // 4.5 standard errors
  EXPECT_NEAR(squares / n - mean * mean, 1, 0.04);  // variance equals the square of the mean
  EXPECT_NEAR(static_cast<double>(above_mean) / n, std::exp(-1.0), 0.005);
}

TEST(ArrivalSchedule, ATraceIsFollowedAndEnds) {
  ArrivalSchedule schedule({5, 5, 40}, 1000);
  for (const std::int64_t expected : {1005, 1005, 1040}) {
    EXPECT_EQ(schedule.next_ns(), expected);
    schedule.advance();
  }
  EXPECT_EQ(schedule.next_ns(), std::numeric_limits<std::int64_t>::max());
}

TEST(ArrivalSchedule, SameSeedSameSchedule) {
  ArrivalSchedule a(Arrivals::kPoisson, 1000, 5, 0);
  ArrivalSchedule b(Arrivals::kPoisson, 1000, 5, 0);
  ArrivalSchedule other(Arrivals::kPoisson, 1000, 6, 0);
  int differs = 0;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(a.next_ns(), b.next_ns());
    differs += a.next_ns() != other.next_ns() ? 1 : 0;
    a.advance();
    b.advance();
    other.advance();
  }
  EXPECT_GT(differs, 90);
}

}  // namespace
}  // namespace mlops::loadgen
