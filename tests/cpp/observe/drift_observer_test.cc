#include "observe/drift_observer.h"

#include <gtest/gtest.h>

#include "observe/reference_build.h"
#include "support/fake_clock.h"
#include "support/requests.h"

namespace mlops::testing {
namespace {

// Each reading takes so long, but for those that only ask what a reading takes.
class SlowClock final : public Clock {
 public:
  TimePoint now() const override {
    const bool asked = readings_++ < CountBudget::kClockReadings;
    return now_ += asked ? Duration(0) : Duration(std::chrono::microseconds(10));
  }

 private:
  mutable TimePoint now_ = TimePoint() + std::chrono::hours(1);
  mutable int readings_ = 0;
};

// The first readings after those are far apart, as when memory is touched for the first time.
class ColdClock final : public Clock {
 public:
  TimePoint now() const override {
    const int reading = readings_++ - CountBudget::kClockReadings;
    const bool cold = reading >= 0 && reading < 6;
    return now_ += cold ? Duration(std::chrono::milliseconds(1)) : std::chrono::nanoseconds(20);
  }

 private:
  mutable TimePoint now_ = TimePoint() + std::chrono::hours(1);
  mutable int readings_ = 0;
};

ReferencePtr reference_of_x() {
  std::vector<float> column(100);
  for (std::size_t i = 0; i < column.size(); ++i) column[i] = static_cast<float>(i);
  std::vector<StreamReference> streams;
  streams.push_back(numeric_reference({StreamRole::input, "in", 1, "x"}, column, {}));
  streams.push_back(numeric_reference({StreamRole::output, "out", 0, "y"}, column, {}));
  return *seal_reference(std::move(streams));
}

struct Watched {
  explicit Watched(const Clock& clock, DriftOptions options = {})
      : shared(
            *DriftObserver::create(signature(), signature(), reference_of_x(), std::move(options))),
        lane(shared, clock) {}

  static Signature signature() {
    return {{spec("in", DType::f32, {kAnySize, 2})}, {spec("out", DType::f32, {kAnySize})}};
  }

  // `rows` rows of which the columns that are watched are `value`.
  void observe(std::int64_t rows, float value, TimePoint now) {
    const auto count = static_cast<std::size_t>(rows);
    const Tensor in = dense(DType::f32, {rows, 2}, std::vector<float>(2 * count, value));
    const Tensor out = dense(DType::f32, {rows}, std::vector<float>(count, value));
    const Tensor* const outputs[] = {&out};
    lane.observe({{&in, 1}, outputs, count}, now);
    lane.after_reply();
  }

  std::shared_ptr<DriftObserver> shared;
  LaneObserver lane;
};

TEST(DriftObserver, EveryRowIsCountedOnceItIsSettled) {
  FakeClock clock;
  Watched watched(clock);
  std::uint64_t rows = 0;
  for (const std::int64_t batch : {1, 3, 64, 500, 513, 2000, 1}) {
    watched.observe(batch, 50, clock.now());
    rows += static_cast<std::uint64_t>(batch);
  }
  watched.lane.settle();
  EXPECT_FALSE(watched.lane.unsettled());
  const DriftSnapshot seen = watched.shared->since_start();
  EXPECT_EQ(seen.window.rows_seen, rows);
  for (const StreamCounts& counts : seen.window.counts) {
    EXPECT_EQ(counts.rows(), rows);
    EXPECT_EQ(counts.masses[16], rows);
  }
  EXPECT_EQ(watched.lane.cost().rows_counted, rows);
}

TEST(DriftObserver, RowsAreOfTheMinuteTheyCameIn) {
  FakeClock clock;
  Watched watched(clock);
  for (int minute = 0; minute < 3; ++minute) {
    watched.observe(minute + 1, 50, clock.now());
    clock.advance(std::chrono::minutes(1));
  }
  watched.lane.settle();
  const auto last = [&](int minutes) {
    return watched.shared->over(std::chrono::minutes(minutes), clock.now()).window.counts[0].rows();
  };
  EXPECT_EQ(last(0), 0U);
  EXPECT_EQ(last(1), 3U);
  EXPECT_EQ(last(2), 5U);
  EXPECT_EQ(last(3), 6U);
}

TEST(DriftObserver, ALaneDoesNotWaitForAReader) {
  FakeClock clock;
  Watched watched(clock);
  {
    const std::lock_guard reading(watched.shared->epoch()->mutex);
    for (int i = 0; i < 40; ++i) watched.observe(512, 1, clock.now());
    clock.advance(std::chrono::minutes(1));
    watched.observe(1, 1, clock.now());
  }
  watched.lane.settle();
  EXPECT_EQ(watched.shared->since_start().window.counts[0].rows(), 40U * 512 + 1);
}

TEST(DriftObserver, WhatWouldCostTooMuchIsLeftOutByTheTile) {
  SlowClock clock;
  Watched watched(clock);
  std::uint64_t rows = 0;
  TimePoint now = TimePoint() + std::chrono::hours(1);
  // A fold takes 10 us by this clock, and a tile comes in 20.
  for (int i = 0; i < 40000; ++i) {
    watched.observe(8, 1, now += std::chrono::nanoseconds(312));
    rows += 8;
  }
  watched.lane.settle();
  const DriftCost cost = watched.lane.cost();
  EXPECT_EQ(cost.rows_counted + cost.rows_left_out, rows);
  EXPECT_GT(cost.rows_left_out, 10 * cost.rows_counted);
  EXPECT_GT(cost.rows_counted, 512U);
  const DriftSnapshot seen = watched.shared->since_start();
  EXPECT_EQ(seen.window.rows_seen, rows);
  EXPECT_EQ(seen.window.counts[0].rows(), cost.rows_counted);
}

TEST(DriftObserver, AColdStartLeavesNothingOut) {
  for (const std::int64_t batch : {1, 64, 512}) {
    ColdClock clock;
    Watched watched(clock);
    TimePoint now = TimePoint() + std::chrono::hours(1);
    for (std::int64_t rows = 0; rows < 20'000; rows += batch) {
      watched.observe(batch, 1, now += std::chrono::microseconds(batch));
    }
    EXPECT_EQ(watched.lane.cost().rows_left_out, 0U) << batch;
  }
}

TEST(DriftObserver, TensorsOfOtherShapesAreNotCounted) {
  FakeClock clock;
  Watched watched(clock);
  const Tensor in = dense(DType::f32, {2, 2}, std::vector<float>(4));
  const Tensor out = dense(DType::f32, {1}, std::vector<float>(1));
  const Tensor* const short_output[] = {&out};
  const Tensor* const no_output[] = {nullptr};
  watched.lane.observe({{&in, 1}, short_output, 2}, clock.now());
  watched.lane.observe({{&in, 1}, no_output, 2}, clock.now());
  EXPECT_EQ(watched.lane.cost().rows_unfit, 4U);
  EXPECT_FALSE(watched.lane.unsettled());
}

TEST(DriftObserver, CollectedRowsBecomeAReference) {
  FakeClock clock;
  const std::shared_ptr<DriftObserver> shared =
      *DriftObserver::collect(Watched::signature(), Watched::signature());
  LaneObserver lane(shared, clock);
  const auto observe = [&](std::int64_t rows) {
    std::vector<float> values(static_cast<std::size_t>(2 * rows));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
    const Tensor in = dense(DType::f32, {rows, 2}, values);
    values.resize(static_cast<std::size_t>(rows));
    const Tensor out = dense(DType::f32, {rows}, values);
    const Tensor* const outputs[] = {&out};
    lane.observe({{&in, 1}, outputs, static_cast<std::size_t>(rows)}, clock.now());
  };
  observe(999);
  lane.settle();
  EXPECT_EQ(shared->freeze().code(), Code::unavailable);
  observe(1001);
  lane.settle();
  EXPECT_EQ(shared->since_start().rows_collected, 2000U);
  EXPECT_EQ(shared->since_start().reference, nullptr);
  ASSERT_TRUE(shared->freeze().ok());
  EXPECT_EQ(shared->freeze().code(), Code::already_exists);
  observe(10);
  lane.settle();
  const DriftSnapshot seen = shared->since_start();
  ASSERT_NE(seen.reference, nullptr);
  EXPECT_EQ(seen.reference->streams[0].name.label, "in[0]");
  EXPECT_EQ(seen.reference->streams[2].name.label, "out");
  EXPECT_EQ(seen.reference->streams[0].counts.rows(), 2000U);
  EXPECT_EQ(seen.window.counts[0].rows(), 10U);
  shared->reset();
  EXPECT_EQ(shared->since_start().window.counts[0].rows(), 0U);
}

TEST(DriftObserver, AnotherReferenceBeginsWithNothing) {
  FakeClock clock;
  Watched watched(clock);
  watched.observe(700, 50, clock.now());  // a tile is folded, the rest is staged
  ASSERT_TRUE(watched.shared->replace(reference_of_x()).ok());
  watched.observe(3, 50, clock.now());
  watched.lane.settle();
  const DriftSnapshot seen = watched.shared->since_start();
  EXPECT_EQ(seen.window.rows_seen, 3U);
  EXPECT_EQ(seen.window.counts[0].rows(), 3U);
  std::vector<StreamReference> other;
  other.push_back(numeric_reference({StreamRole::input, "other", 0, "x"}, {}, {}));
  EXPECT_EQ(watched.shared->replace(*seal_reference(std::move(other))).code(),
            Code::invalid_argument);
  EXPECT_EQ(watched.shared->since_start().window.counts[0].rows(), 3U);
  ASSERT_TRUE(watched.shared->collect_again().ok());
  watched.observe(1000, 7, clock.now());
  watched.lane.settle();
  ASSERT_TRUE(watched.shared->freeze().ok());
  EXPECT_EQ(watched.shared->since_start().reference->streams.size(), 3U);
}

TEST(DriftObserver, AReaderKeepsTheReferenceThatItReads) {
  FakeClock clock;
  Watched watched(clock);
  watched.observe(5, 50, clock.now());
  watched.lane.settle();
  const DriftSnapshot before = watched.shared->since_start();
  const std::weak_ptr<DriftEpoch> epoch = watched.shared->epoch();
  ASSERT_TRUE(watched.shared->replace(reference_of_x()).ok());
  EXPECT_FALSE(epoch.expired());  // the lane's
  watched.lane.settle();
  EXPECT_TRUE(epoch.expired());
  EXPECT_EQ((*before.comparer)[0].compare(before.window.counts[0]).window_rows, 5U);
}

}  // namespace
}  // namespace mlops::testing
