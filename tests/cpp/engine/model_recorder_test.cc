#include "engine/model_recorder.h"

#include <gtest/gtest.h>

#include <memory>

namespace mlops {
namespace {

ModelStats stats_of(const LaneRecorder& recorder) {
  ModelStats stats;
  recorder.add_to(stats);
  return stats;
}

TEST(LaneRecorder, RequestsAreChargedWithAllOfTheirBatch) {
  const auto recorder = std::make_unique<LaneRecorder>();
  for (int i = 0; i < 3; ++i) recorder->success(100, 10, 2);
  recorder->execution(6, 3, {5, 50, 7}, true);
  const ModelStats stats = stats_of(*recorder);
  EXPECT_EQ(stats.success, 3U);
  EXPECT_EQ(stats.inferences, 6U);
  EXPECT_EQ(stats.executions, 1U);
  EXPECT_EQ(stats.inline_executions, 1U);
  EXPECT_EQ(stats.queue_ns.sum, 30U);
  EXPECT_EQ(stats.per_request.input_ns, 15U);
  EXPECT_EQ(stats.per_request.infer_ns, 150U);
  EXPECT_EQ(stats.per_request.output_ns, 21U);
  EXPECT_GT(stats.last_inference_ms, 1'600'000'000'000U);
}

TEST(LaneRecorder, BatchSizesAreKeptExactlyAndMergedOverLanes) {
  const auto one = std::make_unique<LaneRecorder>();
  const auto two = std::make_unique<LaneRecorder>();
  one->execution(8, 1, {1, 10, 100}, true);
  one->execution(8 + 128, 1, {2, 20, 200}, true);  // the same slot at first
  two->execution(8, 1, {3, 30, 300}, false);
  two->execution(1, 1, {4, 40, 400}, false);
  ModelStats stats = stats_of(*one);
  two->add_to(stats);
  ASSERT_EQ(stats.batches.size(), 3U);
  EXPECT_EQ(stats.batches[0].rows, 1U);
  EXPECT_EQ(stats.batches[1].rows, 8U);
  EXPECT_EQ(stats.batches[1].executions, 2U);
  EXPECT_EQ(stats.batches[1].input_ns, 4U);
  EXPECT_EQ(stats.batches[1].infer_ns, 40U);
  EXPECT_EQ(stats.batches[1].output_ns, 400U);
  EXPECT_EQ(stats.batches[2].rows, 136U);
}

TEST(LaneRecorder, SizesBeyondTheTableAreCountedWithoutTheirSize) {
  const auto recorder = std::make_unique<LaneRecorder>();
  for (std::uint64_t rows = 1; rows <= 500; ++rows) recorder->execution(rows, 1, {}, true);
  const ModelStats stats = stats_of(*recorder);
  EXPECT_EQ(stats.executions, 500U);
  EXPECT_EQ(stats.batches.size(), 128U);
}

TEST(LaneRecorder, FirstResponsesFallIntoTritonsBuckets) {
  const auto recorder = std::make_unique<LaneRecorder>();
  for (const std::uint64_t ms : {0, 100, 101, 2000, 5000, 5001, 90'000}) {
    recorder->success(ms * 1'000'000, 0, 1);
  }
  EXPECT_EQ(stats_of(*recorder).first_response, (std::array<std::uint64_t, 5>{2, 1, 1, 1, 2}));
}

}  // namespace
}  // namespace mlops
