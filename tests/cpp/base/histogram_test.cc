#include "base/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <random>
#include <thread>
#include <vector>

namespace mlops {
namespace {

TEST(Histogram, EveryValueLiesInItsBucket) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100000; ++i) {
    const std::uint64_t value = random() >> (random() % 40 + 24);
    const std::size_t bucket = Histogram::bucket_of(value);
    EXPECT_LE(value, Histogram::upper_edge(bucket));
    if (bucket > 0) {
      EXPECT_GT(value, Histogram::upper_edge(bucket - 1));
    }
  }
}

TEST(Histogram, HugeValuesGoToTheLastBucket) {
  EXPECT_EQ(Histogram::bucket_of(UINT64_MAX), kHistogramBuckets - 1);
}

TEST(Histogram, QuantilesAreWithinABucketOfTheSortedSample) {
  std::mt19937_64 random(2);
  std::vector<std::uint64_t> values;
  Histogram histogram;
  for (int i = 0; i < 20000; ++i) {
    values.push_back(random() % 1000000);
    histogram.record(values.back());
  }
  std::ranges::sort(values);
  const HistogramSnapshot snapshot = histogram.snapshot();
  for (double q : {0.0, 0.1, 0.5, 0.9, 0.99, 1.0}) {
    const auto rank = std::max<std::size_t>(
        1, static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size()))));
    const std::uint64_t exact = values[rank - 1];
    EXPECT_GE(snapshot.quantile(q), exact) << q;
    EXPECT_LE(static_cast<double>(snapshot.quantile(q)), 1.125 * static_cast<double>(exact) + 1)
        << q;
  }
}

TEST(Histogram, AnEmptyOneAnswersZero) { EXPECT_EQ(Histogram().snapshot().quantile(0.5), 0U); }

TEST(Histogram, MergeAddsAndWritersThatTakeTurnsLoseNothing) {
  Histogram histogram;
  {
    std::mutex turn;
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&] {
        for (std::uint64_t i = 0; i < 1000; ++i) {
          const std::lock_guard lock(turn);
          histogram.record(i);
        }
      });
    }
    // Readers need no turn, and see nothing that was not recorded.
    for (int i = 0; i < 100; ++i) EXPECT_LE(histogram.snapshot().count, 8000U);
  }
  HistogramSnapshot twice = histogram.snapshot();
  EXPECT_EQ(twice.count, 8000U);
  EXPECT_EQ(twice.sum, 8U * 499500U);
  twice.merge(histogram.snapshot());
  EXPECT_EQ(twice.count, 16000U);
  EXPECT_EQ(twice.count_at_most(Histogram::upper_edge(kHistogramBuckets - 1)), 16000U);
}

}  // namespace
}  // namespace mlops
