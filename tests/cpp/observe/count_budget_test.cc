#include "observe/count_budget.h"

#include <gtest/gtest.h>

namespace mlops::testing {
namespace {

// Each reading takes `reading_ns`, and what is timed as long as it is told.
class TicketClock final : public Clock {
 public:
  explicit TicketClock(int reading_ns) : reading_(reading_ns) {}
  TimePoint now() const override { return now_ += reading_; }
  void pass(double ns) { now_ += Duration(static_cast<std::int64_t>(ns)); }

 private:
  const Duration reading_;
  mutable TimePoint now_ = TimePoint() + std::chrono::hours(1);
};

constexpr std::uint64_t kTile = 512;

// A lane whose rows take `row_ns` each, of which copying and folding are apart.
struct Lane {
  Lane(double share, int reading_ns) : clock(reading_ns), budget(share, clock) {}

  // One tile of batches of `batch` rows; what is to be left out after it.
  std::uint64_t tile(std::uint64_t batch, double stage_ns, double fold_ns, double row_ns) {
    for (std::uint64_t row = 0; row < kTile; row += batch) {
      if (budget.times_next()) {
        const TimePoint start = clock.now();
        clock.pass(stage_ns * static_cast<double>(batch));
        estimate += budget.staged(start, batch);
      }
    }
    const TimePoint start = clock.now();
    clock.pass(fold_ns * kTile);
    estimate += budget.folded(start, kTile);
    rows += kTile;
    at += Duration(static_cast<std::int64_t>(row_ns * kTile));
    return budget.left_out_mean(rows, at);
  }

  TicketClock clock;
  CountBudget budget;
  std::uint64_t rows = 0;
  std::uint64_t estimate = 0;
  TimePoint at = TimePoint() + std::chrono::hours(1);
};

TEST(CountBudget, ARowThatCostsATenthOfWhatItMayIsAlwaysCounted) {
  Lane lane(0.02, 30);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(lane.tile(1, 5, 10, 7500), 0U);
}

TEST(CountBudget, WhatTheClockTakesIsNoPartOfTheCost) {
  // Copying one row takes less than looking at the clock twice does: 15 ns of 50 that it may.
  Lane lane(0.02, 40);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(lane.tile(1, 5, 10, 2500), 0U);
  const double real = 15.0 * static_cast<double>(lane.rows);
  EXPECT_NEAR(static_cast<double>(lane.estimate), real, 0.1 * real);
}

TEST(CountBudget, TheMeanCostMeetsTheShare) {
  // 60 ns a row of 10 that it may: of six tiles five are left out.
  Lane lane(0.02, 30);
  std::uint64_t left_out = 0;
  for (int i = 0; i < 100; ++i) left_out = lane.tile(8, 20, 40, 500);
  EXPECT_NEAR(static_cast<double>(left_out), 5.0 * kTile, 0.1 * kTile);
}

TEST(CountBudget, NothingIsLeftOutOfTheFirstTiles) {
  Lane lane(0.02, 30);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(lane.tile(8, 20, 40, 10), 0U);
  EXPECT_GT(lane.tile(8, 20, 40, 10), 0U);
}

TEST(CountBudget, ColdFirstTilesAreForgotten) {
  Lane lane(0.02, 30);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(lane.tile(8, 2000, 4000, 3500), 0U);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(lane.tile(8, 5, 10, 3500), 0U);
}

TEST(CountBudget, AnInterruptionLeavesNothingOutForLong) {
  Lane lane(0.02, 30);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(lane.tile(1, 5, 10, 2500), 0U);
  EXPECT_EQ(lane.tile(1, 5, 10'000, 2500), 0U);  // the thread was away
  for (int i = 0; i < 20; ++i) EXPECT_EQ(lane.tile(1, 5, 10, 2500), 0U);
}

TEST(CountBudget, ManyTilesInARowAreNotLeftOut) {
  Lane lane(0.02, 30);
  std::uint64_t left_out = 0;
  for (int i = 0; i < 20; ++i) left_out = lane.tile(8, 20, 40, 0);
  EXPECT_EQ(left_out, 63 * kTile);
}

}  // namespace
}  // namespace mlops::testing
