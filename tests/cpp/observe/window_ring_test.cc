#include "observe/window_ring.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "observe/drift_values.h"
#include "observe/row_sample.h"

namespace mlops {
namespace {

using std::chrono::minutes;

constexpr TimePoint kStart = TimePoint() + minutes(1000);

ReferencePtr one_stream() {
  const std::vector<float> column = {1, 2, 3, 4};
  return *seal_reference(
      {numeric_reference({StreamRole::input, "x", 0, "x"}, column, ReferenceOptions{2, 1})});
}

CountsTable rows_of(const ReferencePtr& reference, std::uint64_t rows, float min) {
  CountsTable table = reference->empty_counts();
  table[0].masses[0] = rows;
  table[0].moments = {rows, 0, 0, min, 9};
  return table;
}

TEST(WindowRing, AnySpanIsASumOfSlots) {
  const ReferencePtr reference = one_stream();
  WindowRing ring(reference);
  for (int minute = 0; minute < 50; ++minute) {
    ring.add(rows_of(reference, 1, static_cast<float>(-minute)), 2, kStart + minutes(minute));
  }
  const TimePoint now = kStart + minutes(49);
  const auto rows = [&](int from, int to) {
    return ring.between(kStart + minutes(from), kStart + minutes(to), now).counts[0].rows();
  };
  EXPECT_EQ(rows(49, 49), 1U);
  EXPECT_EQ(rows(40, 49), 10U);
  EXPECT_EQ(rows(10, 19), 10U);
  EXPECT_EQ(rows(0, 49), 50U);
  const WindowCounts some = ring.between(kStart + minutes(3), kStart + minutes(5), now);
  EXPECT_EQ(some.counts[0].moments.min, -5);  // of these slots alone
  EXPECT_EQ(some.rows_seen, 6U);
  EXPECT_EQ(ring.since_start().counts[0].rows(), 50U);
}

TEST(WindowRing, SlotsAreUsedAgainAndCoarserOnesReachFurther) {
  const ReferencePtr reference = one_stream();
  WindowRing ring(reference, {{minutes(1), 4}, {minutes(10), 3}});
  for (int minute = 0; minute < 25; ++minute) {
    ring.add(rows_of(reference, 1, 0), 1, kStart + minutes(minute));
  }
  const TimePoint now = kStart + minutes(24);
  const auto last = [&](int span) {
    return ring.between(now - minutes(span), now, now).counts[0].rows();
  };
  EXPECT_EQ(last(3), 4U);
  EXPECT_EQ(last(4), 5U);
  EXPECT_EQ(last(10), 15U);  // 10..19 and 20..24
  EXPECT_EQ(last(1000), 25U);
  ring.add(rows_of(reference, 1, 0), 1, kStart);  // too late for its minute, not for the sum
  EXPECT_EQ(last(3), 4U);
  EXPECT_EQ(ring.since_start().counts[0].rows(), 26U);
  ring.clear();
  EXPECT_EQ(last(1000), 0U);
  EXPECT_EQ(ring.since_start().counts[0].rows(), 0U);
}

TEST(RowSample, KeepsEveryRowUntilItIsFullThenAUniformSample) {
  RowSample sample(2, 1000);
  std::vector<float> rows(4 * 40000, 0.0F);
  for (std::size_t i = 0; i < 40000; ++i) rows[4 * i] = static_cast<float>(i);
  sample.offer(rows.data(), 800, 4);
  EXPECT_EQ(sample.rows(), 800U);
  EXPECT_EQ(sample.column(0)[799], 799);
  sample.offer(rows.data() + 4 * 800, 39200, 4);
  EXPECT_EQ(sample.rows(), 1000U);
  EXPECT_EQ(sample.offered(), 40000U);
  double mean = 0;
  for (const float value : sample.column(0)) mean += static_cast<double>(value) / 1000;
  EXPECT_NEAR(mean, 20000, 5 * 11547 / std::sqrt(1000.0));  // five standard deviations
}

TEST(WindowRing, APeriodIsComparedWithTheOneBefore) {
  const ReferencePtr reference = one_stream();
  WindowRing ring(reference);
  for (int minute = 0; minute < 3000; ++minute) {
    ring.add(rows_of(reference, minute < 2940 ? 1 : 10, 0), 1, kStart + minutes(minute));
  }
  const TimePoint now = kStart + minutes(2999);
  const auto ten = ring.periods(minutes(9), now);
  ASSERT_TRUE(ten.ok());
  EXPECT_EQ(ten->now.counts[0].rows(), 100U);
  EXPECT_EQ(ten->before.counts[0].rows(), 100U);
  const auto hours = ring.periods(minutes(60), now);  // two hours of slots and two before
  ASSERT_TRUE(hours.ok());
  EXPECT_GT(hours->now.counts[0].rows(), 600U);
  EXPECT_EQ(hours->before.counts[0].rows(), 120U);
  EXPECT_EQ(ring.periods(std::chrono::hours(24 * 20), now).status().code(), Code::invalid_argument);
}

TEST(WindowRing, HoursOfTheWeekAreComparedWithThoseOfEarlierWeeks) {
  const ReferencePtr reference = one_stream();
  WindowRing ring(reference);
  constexpr std::chrono::hours kWeek(168);
  const TimePoint monday = TimePoint() + 5 * kWeek;
  // By night one row an hour, by day a hundred; in the fourth week a thousand at that hour.
  for (int week = 0; week < 4; ++week) {
    for (int hour = 0; hour < 168; ++hour) {
      if (week == 3 && hour > 36) break;
      const bool day = hour % 24 == 12;
      const std::uint64_t rows = !day ? 1 : week == 3 ? 1000 : 100;
      ring.add(rows_of(reference, rows, 0), rows, monday + week * kWeek + std::chrono::hours(hour));
    }
  }
  const TimePoint now = monday + 3 * kWeek + std::chrono::hours(36) + minutes(59);
  const auto found = ring.hours_of_week(minutes(59), now);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->now.counts[0].rows(), 1000U);
  EXPECT_EQ(found->before.counts[0].rows(), 300U);
  const auto two = ring.hours_of_week(minutes(119), now);
  EXPECT_EQ(two->now.counts[0].rows(), 1001U);
  EXPECT_EQ(two->before.rows_seen, 303U);
  EXPECT_EQ(ring.hours_of_week(kWeek, now).status().code(), Code::invalid_argument);
  // An hour of which nothing has come this week yet.
  const auto none = ring.hours_of_week(minutes(1), now + std::chrono::hours(1));
  EXPECT_EQ(none->now.counts[0].rows(), 0U);
  EXPECT_EQ(none->before.counts[0].rows(), 3U);
}

TEST(WindowRing, ARowOfAHalfLifeAgoCountsHalf) {
  const ReferencePtr reference = one_stream();
  WindowRing ring(reference);
  const TimePoint now = TimePoint() + std::chrono::hours(24 * 100 + 20) + minutes(30);
  // Whole slots of each level, by whose middle a row's age goes.
  ring.add(rows_of(reference, 1000, 1), 1000, now);
  ring.add(rows_of(reference, 1000, 2), 1000, now - std::chrono::hours(10));
  ring.add(rows_of(reference, 1000, 3), 1000, now - std::chrono::hours(24 * 10));
  const WindowCounts days = ring.decayed(std::chrono::hours(24 * 10), now);
  EXPECT_NEAR(static_cast<double>(days.counts[0].rows()), 1000 + 971 + 500, 40);
  const WindowCounts hours = ring.decayed(std::chrono::hours(10), now);
  EXPECT_NEAR(static_cast<double>(hours.counts[0].rows()), 1500, 5);
  EXPECT_EQ(hours.counts[0].rows(), hours.rows_seen);
  EXPECT_EQ(hours.counts[0].moments.n, hours.rows_seen);
  // Each row is in one level alone, wherever slots begin.
  WindowRing other(reference);
  for (int hour = 0; hour < 24 * 29; ++hour) {
    other.add(rows_of(reference, 1, 0), 1, now - std::chrono::hours(hour));
  }
  EXPECT_EQ(other.decayed(std::chrono::hours(1'000'000), now).counts[0].rows(), 24U * 29);
}

}  // namespace
}  // namespace mlops
