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

}  // namespace
}  // namespace mlops
