// A server that always has enough waiting, with made-up costs: where the search ends, how long it
// takes to get there, and what looking around costs afterwards.
#include "batch/batch_size_search.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>

namespace mlops::testing {
namespace {

using Cost = std::function<double(std::int64_t rows)>;  // microseconds of a run

// How often each size ran.
std::map<std::int64_t, int> serve(BatchSizeSearch& search, const Cost& cost, int batches,
                                  const BucketKey& bucket = {}, std::int64_t waiting = 1000) {
  std::map<std::int64_t, int> runs;
  for (int i = 0; i < batches; ++i) {
    const std::int64_t rows = std::min(search.next(bucket, waiting), waiting);
    ++runs[rows];
    search.ran(bucket, rows, Duration(static_cast<std::int64_t>(1000 * cost(rows))));
  }
  return runs;
}

std::int64_t settled(BatchSizeSearch& search, const Cost& cost, const BucketKey& bucket = {},
                     std::int64_t waiting = 1000) {
  serve(search, cost, 200, bucket, waiting);
  const auto runs = serve(search, cost, 400, bucket, waiting);
  return std::ranges::max_element(runs, {}, &std::pair<const std::int64_t, int>::second)->first;
}

double with_overhead(std::int64_t rows) { return 200 + 100.0 * static_cast<double>(rows); }
double proportional(std::int64_t rows) { return 500.0 * static_cast<double>(rows); }
// Each row takes a third longer once more than two of them are in the cache.
double out_of_cache(std::int64_t rows) {
  return (rows > 2 ? 1333.0 : 1000.0) * static_cast<double>(rows) + 100;
}

TEST(BatchSizeSearch, ClimbsWhileLargerIsFaster) {
  BatchSizeSearch search(64);
  EXPECT_EQ(settled(search, with_overhead), 64);
  BatchSizeSearch steep(48);
  EXPECT_EQ(settled(steep, [](std::int64_t) { return 1000.0; }), 48);
}

TEST(BatchSizeSearch, DescendsWhereLargerIsSlower) {
  BatchSizeSearch search(64);
  EXPECT_EQ(settled(search, out_of_cache), 2);
  BatchSizeSearch steep(64);
  EXPECT_EQ(
      settled(steep, [](std::int64_t rows) { return 1000.0 * static_cast<double>(rows * rows); }),
      1);
}

TEST(BatchSizeSearch, StaysWhereNothingIsToBeGained) {
  BatchSizeSearch search(64);
  EXPECT_EQ(settled(search, proportional), 64);
}

TEST(BatchSizeSearch, GetsThereWithinAHundredBatches) {
  BatchSizeSearch search(64);
  serve(search, out_of_cache, 100);
  const auto runs = serve(search, out_of_cache, 20);
  EXPECT_GE(runs.at(2), 12);
}

TEST(BatchSizeSearch, LookingAroundCostsLittleAfterwards) {
  for (const Cost& cost : {Cost(proportional), Cost(out_of_cache), Cost(with_overhead)}) {
    BatchSizeSearch search(64);
    const std::int64_t best = settled(search, cost);
    serve(search, cost, 20'000);
    double spent = 0;
    std::int64_t rows = 0;
    for (const auto& [size, count] : serve(search, cost, 20'000)) {
      spent += cost(size) * count;
      rows += size * count;
    }
    const double ideal = cost(best) / static_cast<double>(best) * static_cast<double>(rows);
    EXPECT_LE(spent, 1.04 * ideal);
  }
}

TEST(BatchSizeSearch, NoticesThatTheMachineChanged) {
  BatchSizeSearch search(64);
  EXPECT_EQ(settled(search, out_of_cache), 2);
  serve(search, with_overhead, 50'000);           // twenty seconds
  EXPECT_GE(settled(search, with_overhead), 32);  // 64 would be faster by 3 %: either will do
}

TEST(BatchSizeSearch, NoiseDoesNotDriveItFar) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> noise(1, 0.03);
  BatchSizeSearch search(64);
  const Cost noisy = [&](std::int64_t rows) { return out_of_cache(rows) * noise(random); };
  EXPECT_LE(settled(search, noisy), 2);
}

TEST(BatchSizeSearch, LearnsFromBatchesThatAreNotFull) {
  for (const std::int64_t waiting : {3, 5, 7, 10, 31}) {
    BatchSizeSearch search(64);
    EXPECT_EQ(settled(search, out_of_cache, {}, waiting), 2) << waiting;
    BatchSizeSearch steep(64);
    EXPECT_EQ(settled(steep, with_overhead, {}, waiting), waiting);
  }
}

TEST(BatchSizeSearch, BucketsAreFoundOutByThemselves) {
  BatchSizeSearch search(64);
  EXPECT_EQ(settled(search, with_overhead, {16}), 64);
  EXPECT_EQ(settled(search, out_of_cache, {512}), 2);
  EXPECT_EQ(settled(search, with_overhead, {16}), 64);
}

TEST(BatchSizeSearch, WorksForEveryLimitAndAnyNumberOfBuckets) {
  for (std::int64_t limit = 1; limit <= 9; ++limit) {
    BatchSizeSearch search(limit);
    for (std::int64_t bucket = 0; bucket < 100; ++bucket) {
      for (const auto& [rows, count] : serve(search, proportional, 30, {bucket})) {
        EXPECT_GE(rows, 1);
        EXPECT_LE(rows, limit);
      }
    }
  }
}

}  // namespace
}  // namespace mlops::testing
