#include "observe/user_statistic.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <thread>
#include <vector>

#include "observe/drift_observer.h"
#include "observe/reference_build.h"
#include "support/fake_clock.h"
#include "support/requests.h"

namespace mlops::testing {
namespace {

// Of each column its sum; NaN is left out.
void sums(const float* values, std::int64_t rows, std::int64_t columns, double* state) {
  for (std::int64_t i = 0; i < rows * columns; ++i) {
    if (!std::isnan(values[i])) state[i % columns] += static_cast<double>(values[i]);
  }
}
// How many values are missing, and how many rows came.
void missing(const float* values, std::int64_t rows, std::int64_t columns, double* state) {
  for (std::int64_t i = 0; i < rows * columns; ++i) state[0] += std::isnan(values[i]) ? 1 : 0;
  state[1] += static_cast<double>(rows);
}
// Counts in its first number, and fails at the first value of 13.
void superstitious(const float* values, std::int64_t rows, std::int64_t columns, double* state) {
  for (std::int64_t i = 0; i < rows * columns; ++i) {
    state[0] += 1;
    if (values[i] == 13) state[1] = 0;  // behind its state
  }
}
// Writes where it should only read.
void vandal(const float* values, std::int64_t rows, std::int64_t columns, double* state) {
  auto* const there = const_cast<float*>(values);
  for (std::int64_t i = 0; i < rows * columns; ++i) there[i] = 1e9F;
  state[0] += 1;
}

ReferencePtr reference_of(const std::vector<std::string>& labels) {
  const std::vector<float> column = {0, 1, 2, 3, 4, 5};
  std::vector<StreamReference> streams;
  for (std::uint32_t i = 0; i < labels.size(); ++i) {
    streams.push_back(numeric_reference({StreamRole::input, "in", i, labels[i]}, column, {}));
  }
  return *seal_reference(std::move(streams));
}

StatisticsPtr list_of(std::vector<UserStatistic> statistics) {
  return std::make_shared<const std::vector<UserStatistic>>(std::move(statistics));
}

TEST(StatisticRunner, SeesItsColumnsOfEveryRow) {
  const StatisticsPtr statistics = list_of({{"all", &sums, {}, 3}, {"two", &sums, {"c", "a"}, 2}});
  StatisticRunner runner(statistics, *reference_of({"a", "b", "c"}));
  constexpr std::size_t kRows = 1'300, kStride = 16;  // more than two tiles
  std::vector<float> rows(kRows * kStride, -1e6F);    // what is between rows is nobody's
  for (std::size_t row = 0; row < kRows; ++row) {
    for (std::size_t i = 0; i < 3; ++i) rows[row * kStride + i] = static_cast<float>(i + 1);
  }
  runner.add(rows.data(), kRows, kStride);
  StatisticTable table = empty_statistics(*statistics);
  runner.take(table);
  runner.take(table);  // nothing is left
  EXPECT_EQ(table[0].rows, kRows);
  EXPECT_EQ(table[0].state, (std::vector<double>{1'300, 2'600, 3'900}));
  EXPECT_EQ(table[1].state, (std::vector<double>{3'900, 1'300}));
  const StatisticTable once = table;
  add_statistics(table, once);
  EXPECT_EQ(table[1].state, (std::vector<double>{7'800, 2'600}));
  EXPECT_EQ(table[1].rows, 2 * kRows);
  subtract_statistics(table, once);
  EXPECT_EQ(table[0].state, once[0].state);
  clear_statistics(table);
  EXPECT_EQ(table[0].rows, 0U);
}

TEST(StatisticRunner, OneThatFailsIsUndoneAndNotCalledAgain) {
  const StatisticsPtr statistics =
      list_of({{"bad", &superstitious, {}, 1}, {"good", &sums, {}, 1}});
  StatisticRunner runner(statistics, *reference_of({"a"}));
  std::vector<float> rows(10, 1);
  runner.add(rows.data(), 10, 1);
  rows[5] = 13;
  runner.add(rows.data(), 10, 1);
  rows[5] = 1;
  runner.add(rows.data(), 10, 1);
  StatisticTable table = empty_statistics(*statistics);
  runner.take(table);
  EXPECT_TRUE(table[0].stopped);
  EXPECT_EQ(table[0].rows, 10U);
  EXPECT_EQ(table[0].state, (std::vector<double>{10}));
  EXPECT_FALSE(table[1].stopped);
  EXPECT_EQ(table[1].rows, 30U);
}

TEST(StatisticRunner, RowsThatAreWrittenToAreNobodyElses) {
  const StatisticsPtr statistics = list_of({{"vandal", &vandal, {}, 1}, {"sums", &sums, {}, 1}});
  StatisticRunner runner(statistics, *reference_of({"a"}));
  const std::vector<float> rows(10, 2);
  runner.add(rows.data(), 10, 1);
  StatisticTable table = empty_statistics(*statistics);
  runner.take(table);
  EXPECT_EQ(table[1].state, (std::vector<double>{20}));
  EXPECT_EQ(rows, std::vector<float>(10, 2));
}

TEST(StatisticRunner, WhatMakesNoSenseIsRefused) {
  const ReferencePtr reference = reference_of({"a", "b"});
  EXPECT_TRUE(check_statistics({{"x", &sums, {"b"}, 1}}, *reference).ok());
  const std::vector<std::vector<UserStatistic>> wrong = {
      {{"", &sums, {}, 2}},
      {{"x", nullptr, {}, 2}},
      {{"x", &sums, {}, 0}},
      {{"x", &sums, {}, kStatisticStateMax + 1}},
      {{"x", &sums, {"c"}, 1}},
      {{"x", &sums, {}, 2}, {"x", &missing, {}, 2}},
      std::vector<UserStatistic>(kStatisticsMax + 1, {"x", &sums, {}, 2})};
  for (const auto& statistics : wrong) {
    EXPECT_EQ(check_statistics(statistics, *reference).code(), Code::invalid_argument);
  }
}

struct Served {
  explicit Served(const Clock& clock)
      : shared(*DriftObserver::create(signature(), signature(), reference_of({"a", "b"}))),
        lanes{LaneObserver(shared, clock), LaneObserver(shared, clock)} {}

  static Signature signature() { return {{spec("in", DType::f32, {kAnySize, 2})}, {}}; }

  void observe(int lane, std::int64_t rows, float value, TimePoint now) {
    const Tensor in =
        dense(DType::f32, {rows, 2}, std::vector<float>(2 * static_cast<std::size_t>(rows), value));
    lanes[lane].observe({{&in, 1}, {}, static_cast<std::size_t>(rows)}, now);
    lanes[lane].after_reply();
  }
  StatisticSums sums_of(std::size_t which) {
    for (LaneObserver& lane : lanes) lane.settle();
    return shared->statistics().sums[which];
  }

  std::shared_ptr<DriftObserver> shared;
  LaneObserver lanes[2];
};

TEST(UserStatistics, LanesAddUp) {
  FakeClock clock;
  Served served(clock);
  EXPECT_FALSE(served.shared->statistics().statistics);
  ASSERT_TRUE(served.shared->use_statistics({{"sums", &sums, {}, 2}, {"b", &sums, {"b"}, 1}}).ok());
  for (int i = 0; i < 50; ++i) {
    served.observe(0, 40, 1, clock.now());
    served.observe(1, 513, 2, clock.now());
  }
  EXPECT_EQ(served.sums_of(0).rows, 50U * 553);
  EXPECT_EQ(served.sums_of(0).state, std::vector<double>(2, 50 * (40 + 1'026)));
  EXPECT_EQ(served.sums_of(1).state, std::vector<double>(1, 50 * (40 + 1'026)));
  served.shared->reset();
  EXPECT_EQ(served.sums_of(0).rows, 0U);
  served.observe(0, 7, 1, clock.now());
  EXPECT_EQ(served.sums_of(0).state, std::vector<double>(2, 7));
}

TEST(UserStatistics, OthersBeginAnewAndAnotherReferenceKeepsThem) {
  FakeClock clock;
  Served served(clock);
  ASSERT_TRUE(served.shared->use_statistics({{"sums", &sums, {}, 2}}).ok());
  served.observe(0, 600, 1, clock.now());
  ASSERT_TRUE(served.shared->use_statistics({{"missing", &missing, {"a", "b"}, 2}}).ok());
  served.lanes[0].settle();
  EXPECT_FALSE(served.shared->use_statistics({{"x", &sums, {"absent"}, 1}}).ok());
  served.observe(1, 600, 1, clock.now());
  EXPECT_EQ(served.sums_of(0).state[1], served.sums_of(0).rows);
  // The other reference has no "b": a statistic that reads it finds it missing.
  ASSERT_TRUE(served.shared->replace(reference_of({"a"})).ok());
  EXPECT_EQ(served.sums_of(0).rows, 0U);
  served.observe(0, 600, 1, clock.now());
  EXPECT_EQ(served.sums_of(0).state, (std::vector<double>{600, 600}));
  ASSERT_TRUE(served.shared->use_statistics({}).ok());
  served.observe(0, 600, 1, clock.now());
  EXPECT_TRUE(served.shared->statistics().sums.empty());
}

TEST(UserStatistics, ComeAndGoWhileLanesRun) {
  FakeClock clock;
  Served served(clock);
  std::atomic<bool> over{false};
  std::vector<std::thread> lanes;
  for (int lane = 0; lane < 2; ++lane) {
    lanes.emplace_back([&, lane] {
      while (!over) served.observe(lane, 512, 1, clock.now());
    });
  }
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(served.shared->use_statistics({{"missing", &missing, {}, 2}}).ok());
    const StatisticSnapshot seen = served.shared->statistics();
    EXPECT_EQ(seen.sums[0].state[1], seen.sums[0].rows);
    if (i % 7 == 0) {
      EXPECT_TRUE(served.shared->replace(reference_of({"a", "b"})).ok());
    }
  }
  while (served.shared->statistics().sums[0].rows == 0) std::this_thread::yield();
  over = true;
  for (std::thread& lane : lanes) lane.join();
  EXPECT_EQ(served.sums_of(0).state[0], 0);
  EXPECT_EQ(served.sums_of(0).state[1], served.sums_of(0).rows);
}

}  // namespace
}  // namespace mlops::testing
