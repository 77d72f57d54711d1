#include "batch/latency_model.h"

#include <gtest/gtest.h>

#include "support/fake_clock.h"

namespace mlops::testing {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

void run(LatencyModel& model, FakeClock& clock, std::int64_t rows, microseconds took,
         int times = 1) {
  for (int i = 0; i < times; ++i) {
    clock.advance(took);
    model.ran(rows, took, clock.now());
  }
}

TEST(LatencyModel, BeforeAnyRunRowsAreAsSlowAsOneByOne) {
  FakeClock clock;
  const LatencyModel model(microseconds(100));
  EXPECT_EQ(model.usual(1, clock.now()), microseconds(100));
  EXPECT_EQ(model.usual(8, clock.now()), microseconds(800));
}

TEST(LatencyModel, SizesBetweenAndBeyondAreOnLines) {
  FakeClock clock;
  LatencyModel model(microseconds(100));
  run(model, clock, 4, microseconds(400));
  EXPECT_EQ(model.usual(1, clock.now()), microseconds(400));  // what is smaller is no slower
  EXPECT_EQ(model.usual(8, clock.now()), microseconds(800));
  run(model, clock, 16, microseconds(1000));
  EXPECT_EQ(model.usual(4, clock.now()), microseconds(400));
  EXPECT_EQ(model.usual(8, clock.now()), microseconds(600));
  EXPECT_EQ(model.usual(16, clock.now()), microseconds(1000));
  EXPECT_EQ(model.usual(32, clock.now()), microseconds(1800));
}

TEST(LatencyModel, MoreRowsAreNeverTakenToBeFaster) {
  FakeClock clock;
  LatencyModel model(microseconds(100));
  run(model, clock, 4, microseconds(900));
  run(model, clock, 8, microseconds(500));
  EXPECT_EQ(model.usual(64, clock.now()), microseconds(500));
}

TEST(LatencyModel, OutliersAreNoQuantileUntilTheyAreATenth) {
  FakeClock clock;
  LatencyModel model(microseconds(100));
  run(model, clock, 1, microseconds(100), 127);
  run(model, clock, 1, microseconds(50'000));
  run(model, clock, 1, microseconds(100), 16);
  EXPECT_EQ(model.usual(1, clock.now()), microseconds(100));
  run(model, clock, 1, microseconds(50'000), 16);
  EXPECT_EQ(model.usual(1, clock.now()), microseconds(50'000));
  run(model, clock, 1, microseconds(100), 144);
  EXPECT_EQ(model.usual(1, clock.now()), microseconds(100));
}

TEST(LatencyModel, WhatWasSlowLongAgoIsTriedAgain) {
  FakeClock clock;
  LatencyModel model(microseconds(100));
  run(model, clock, 1, microseconds(100));
  run(model, clock, 2, microseconds(9000));
  EXPECT_EQ(model.usual(2, clock.now()), microseconds(9000));
  clock.advance(seconds(9));
  run(model, clock, 1, microseconds(100));
  clock.advance(seconds(2));
  EXPECT_EQ(model.usual(2, clock.now()), microseconds(200));
  run(model, clock, 2, microseconds(150));
  EXPECT_EQ(model.usual(2, clock.now()), microseconds(150));
}

}  // namespace
}  // namespace mlops::testing
