#include "loadgen/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace mlops::loadgen {
namespace {

TEST(Histogram, EveryCounterStartsWhereTheOneBeforeItEnds) {
  const std::size_t last = Histogram::index_of(Histogram::kValueMax_ns);
  for (std::size_t i = 0; i < last; ++i) {
    ASSERT_EQ(Histogram::lower_edge_ns(i) + Histogram::width_ns(i), Histogram::lower_edge_ns(i + 1))
        << i;
    ASSERT_EQ(Histogram::index_of(Histogram::lower_edge_ns(i)), i);
    ASSERT_EQ(Histogram::index_of(Histogram::lower_edge_ns(i + 1) - 1), i);
    ASSERT_LE(Histogram::width_ns(i) * 1024,
              std::max<std::uint64_t>(1024, Histogram::lower_edge_ns(i)));
  }
}

TEST(Histogram, QuantilesAreTheSortedValuesToThreeDigits) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> latency(11, 2);
  Histogram histogram;
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(static_cast<std::uint64_t>(latency(random)));
    histogram.record(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double q : {0.0, 0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = std::max(1.0, std::ceil(q * static_cast<double>(values.size())));
    const auto exact = static_cast<double>(values[static_cast<std::size_t>(rank) - 1]);
    EXPECT_NEAR(static_cast<double>(histogram.quantile_ns(q)), exact, exact * 0.001) << q;
  }
}

TEST(Histogram, AddingIsRecordingBoth) {
  Histogram a;
  Histogram b;
  Histogram both;
  for (std::uint64_t value = 1; value < 5'000'000; value = value * 5 / 4 + 1) {
    (value % 3 == 0 ? a : b).record(value);
    both.record(value);
  }
  a.add(b);
  EXPECT_EQ(a.count(), both.count());
  EXPECT_EQ(a.min_ns(), both.min_ns());
  EXPECT_EQ(a.max_ns(), both.max_ns());
  EXPECT_DOUBLE_EQ(a.mean_ns(), both.mean_ns());
  ASSERT_EQ(a.cells().size(), both.cells().size());
  for (std::size_t i = 0; i < a.cells().size(); ++i)
    EXPECT_EQ(a.cells()[i].count, both.cells()[i].count);
}

TEST(Histogram, EmptyAndSaturatedAreDefined) {
  Histogram histogram;
  EXPECT_EQ(histogram.quantile_ns(0.5), 0u);
  EXPECT_EQ(histogram.min_ns(), 0u);
  histogram.record(UINT64_MAX);
  EXPECT_EQ(histogram.max_ns(), Histogram::kValueMax_ns);
  EXPECT_EQ(histogram.quantile_ns(0.5), Histogram::kValueMax_ns);
}

}  // namespace
}  // namespace mlops::loadgen
