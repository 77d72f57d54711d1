// A model at work looks for the best size of its batches, if its runs are long; the search itself
// is tested in tests/cpp/batch/batch_size_search_test.cc.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "support/loaded_engine.h"

namespace mlops::testing {
namespace {

constexpr std::int64_t kRows = 8;
constexpr int kTurns = 60;

// The batches that turns of an event loop with so many rows become.
std::vector<std::int64_t> batches_of_turns(unsigned inline_run_us_max, const ModelConfig& config) {
  EngineOptions options;
  options.inline_run_us_max = inline_run_us_max;
  LoadedEngine loaded(std::move(options));
  ModelSource source = LoadedEngine::source("m", 1, 1);
  source.config = std::make_shared<ModelConfig>(config);
  const auto gate = loaded.load_gated(source);
  for (int i = 0; i < kTurns; ++i) {
    std::vector<Ref<RecordingCall>> calls;
    std::vector<PendingRef> turn;
    for (std::int64_t row = 0; row < kRows; ++row) {
      calls.push_back(call_for(request_for("m", float_rows(1, 1))));
      turn.push_back(calls.back());
    }
    loaded.engine->submit_turn(turn);
    for (const auto& call : calls) EXPECT_TRUE(call->wait().status.ok());
  }
  std::vector<std::int64_t> batches = gate->batches();
  EXPECT_EQ(std::accumulate(batches.begin(), batches.end(), std::int64_t{0}), kTurns * kRows);
  return batches;
}

TEST(BatchSizes, LongRunsAreTriedInOtherSizes) {
  const auto batches = batches_of_turns(0, {});
  EXPECT_LT(std::ranges::min(batches), kRows);
  EXPECT_EQ(std::ranges::max(batches), kRows);
}

TEST(BatchSizes, ShortRunsTakeWhatWaits) {
  EXPECT_EQ(std::ranges::min(batches_of_turns(3'600'000'000U, {})), kRows);
}

TEST(BatchSizes, AnObjectiveFormsItsOwn) {
  ModelConfig config;
  config.parameters = ConfigStrings{{"slo_p99_us", "3600000000"}};
  EXPECT_EQ(std::ranges::min(batches_of_turns(0, config)), kRows);
}

}  // namespace
}  // namespace mlops::testing
