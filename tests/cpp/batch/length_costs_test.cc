// Decisions by themselves, then what they add up to where the truth about costs is known.
#include "batch/length_costs.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <vector>

#include "support/fake_clock.h"

namespace mlops::testing {
namespace {

using std::chrono::microseconds;
using Truth = std::function<Duration(std::int64_t length, std::int64_t rows)>;

Duration per_run(std::int64_t length, std::int64_t rows) {
  return microseconds(5000 + length * rows / 4);
}
Duration per_token(std::int64_t length, std::int64_t rows) {
  return microseconds(50 + 40 * length * rows);
}
Duration worse_than_per_token(std::int64_t length, std::int64_t rows) {
  return microseconds(40 * length * rows * (9 + rows) / 10);
}

struct Shared {
  std::int64_t runs_of_several = 0;
  Duration time{0};   // of all runs
  Duration apart{0};  // had every length run by itself
};

// What waits is drawn anew for each of `runs`; everything that was chosen runs.
Shared simulate(const Truth& truth, int runs) {
  FakeClock clock;
  LengthCosts costs;
  std::mt19937 random(3);
  Shared shared;
  for (int run = 0; run < runs; ++run) {
    std::vector<WaitingLength> waiting;
    std::int64_t length = 6 + static_cast<std::int64_t>(random() % 10);
    while (length < 128) {
      waiting.push_back({length, 1 + static_cast<std::int64_t>(random() % 3)});
      length += 1 + static_cast<std::int64_t>(random() % 12);
    }
    const std::size_t oldest = random() % waiting.size();
    const LengthRange range = costs.choose(waiting, oldest, 64, clock.now());
    EXPECT_TRUE(range.contains(waiting[oldest].length));
    EXPECT_LE(range.longest, 2 * range.shortest);
    std::int64_t rows = 0;
    for (const WaitingLength& one : waiting) {
      if (!range.contains(one.length)) continue;
      rows += one.rows;
      shared.apart += truth(one.length, one.rows);
    }
    EXPECT_LE(rows, 64);
    const Duration took = truth(range.longest, rows);
    shared.time += took;
    shared.runs_of_several += range.shortest != range.longest;
    clock.advance(took);
    costs.ran(range.longest, rows, took, clock.now());
  }
  return shared;
}

double ratio(Duration a, Duration b) {
  return static_cast<double>(a.count()) / static_cast<double>(b.count());
}

TEST(LengthCosts, NothingIsPaddedWithoutEvidence) {
  LengthCosts costs;
  const WaitingLength waiting[] = {{8, 1}, {12, 1}, {16, 1}};
  const LengthRange range = costs.choose(waiting, 1, 64, FakeClock().now());
  EXPECT_EQ(range.shortest, 12);
  EXPECT_EQ(range.longest, 12);
}

TEST(LengthCosts, SharesWhereARunCostsAsMuchWhateverItHolds) {
  const Shared shared = simulate(per_run, 2000);
  EXPECT_GT(shared.runs_of_several, 1000);
  EXPECT_LT(ratio(shared.time, shared.apart), 0.5);
}

TEST(LengthCosts, RunsApartWhereCostFollowsTheTokens) {
  for (const Truth& truth : {Truth(per_token), Truth(worse_than_per_token)}) {
    const Shared shared = simulate(truth, 2000);
    EXPECT_LT(shared.runs_of_several, 200);
    EXPECT_LT(ratio(shared.time, shared.apart), 1.05);
  }
}

TEST(LengthCosts, RowsOfARunAreBounded) {
  FakeClock clock;
  LengthCosts costs;
  for (const std::int64_t rows : {1, 2, 4, 8}) {
    costs.ran(16, rows, microseconds(1000), clock.now());
  }
  const WaitingLength waiting[] = {{12, 3}, {14, 3}, {16, 3}};
  const LengthRange range = costs.choose(waiting, 1, 6, clock.now());
  EXPECT_NE(range.shortest, range.longest);
  EXPECT_FALSE(range.contains(12) && range.contains(16));
}

TEST(LengthCosts, WhatIsNotKnownIsReckonedFromTheNearestLength) {
  FakeClock clock;
  LengthCosts costs;
  EXPECT_EQ(costs.of(16, 1, clock.now()), Duration{0});
  costs.ran(16, 1, microseconds(900), clock.now());
  EXPECT_EQ(costs.of(16, 1, clock.now()), microseconds(900));
  EXPECT_EQ(costs.of(32, 1, clock.now()), microseconds(1800));
  EXPECT_EQ(costs.of(8, 2, clock.now()), microseconds(900));
  clock.advance(std::chrono::seconds(11));
  EXPECT_EQ(costs.of(16, 1, clock.now()), Duration{0});
}

}  // namespace
}  // namespace mlops::testing
