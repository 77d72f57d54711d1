// Requests of different lengths in one run: only for a model that was seen to heed its mask, and
// every answer is the one that the request gets alone.
#include <gtest/gtest.h>

#include <random>

#include "engine/padding_probe.h"
#include "support/loaded_engine.h"
#include "support/masked_backend.h"

namespace mlops::testing {
namespace {

PaddingTrial try_masked(bool heeds) {
  MaskedExecutor executor(std::make_shared<MaskedRuns>(), heeds);
  const Signature signature = masked_signature();
  const BatchRule rule = infer_batch_rule(signature);
  return try_padding(executor, {signature, rule}, *padding_rule(signature, {}), 8);
}

TEST(PaddingProbe, AModelThatHeedsItsMaskMayBePadded) {
  const PaddingTrial trial = try_masked(true);
  EXPECT_TRUE(trial.harmless) << trial.reason;
}

TEST(PaddingProbe, AMaskThatIsIgnoredIsFound) {
  const PaddingTrial trial = try_masked(false);
  EXPECT_FALSE(trial.harmless);
  EXPECT_NE(trial.reason.find("padding shows"), std::string::npos) << trial.reason;
}

struct Asked {
  Ref<RecordingCall> call;
  float sum = 0;
  float count = 0;
};

// A row of `length`, in which the client has masked some places itself: a model that ignores masks
// counts those too.
Asked ask(Engine& engine, std::mt19937& random, std::int64_t length, bool heeds) {
  std::vector<std::int64_t> ids, mask;
  Asked asked;
  for (std::int64_t i = 0; i < length; ++i) {
    ids.push_back(1 + static_cast<std::int64_t>(random() % 1000));
    mask.push_back(i == 0 || random() % 8 != 0);
    if (heeds && mask.back() == 0) continue;
    asked.sum += static_cast<float>(ids.back());
    asked.count += 1;
  }
  Request request = request_for("m", dense(DType::i64, Shape{1, length}, ids), "ids");
  request.inputs.push_back({"attention_mask", dense(DType::i64, Shape{1, length}, mask)});
  asked.call = call_for(std::move(request));
  engine.submit(asked.call);
  return asked;
}

// Rounds of requests of mixed lengths that wait while the only lane is busy. Returns how many runs
// were padded.
std::size_t serve(bool heeds) {
  EngineOptions options;
  options.inline_run_us_max = 0;  // every run counts as long
  LoadedEngine loaded(std::move(options));
  auto runs = std::make_shared<MaskedRuns>();
  const Status status = loaded.engine->load(LoadedEngine::source("m", 1, 1),
                                            std::make_unique<MaskedBackend>(runs, heeds));
  EXPECT_TRUE(status.ok()) << status.to_string();
  runs->padded = 0;
  std::mt19937 random(5);
  for (int round = 0; round < 40; ++round) {
    runs->gate.forget();
    runs->gate.close();
    std::vector<Asked> all;
    all.push_back(ask(*loaded.engine, random, 8, heeds));
    runs->gate.wait_for_runs(1);
    for (int i = 0; i < 12; ++i) {
      all.push_back(
          ask(*loaded.engine, random, 6 + static_cast<std::int64_t>(random() % 7), heeds));
    }
    runs->gate.open();
    for (const Asked& asked : all) {
      const Response& response = asked.call->wait();
      EXPECT_TRUE(response.status.ok()) << response.status.to_string();
      if (!response.status.ok()) return 0;
      EXPECT_EQ(values_of<float>(response.outputs.at(0).tensor),
                (std::vector<float>{asked.sum, asked.count}));
      EXPECT_EQ(response.outputs.at(0).tensor.shape, (Shape{1, 2}));
    }
  }
  return runs->padded;
}

// The first chance to share a run is a trial, so some are padded whatever they cost here.
TEST(Padding, AnswersAreThoseOfRequestsAlone) { EXPECT_GT(serve(true), 0U); }

TEST(Padding, AModelThatIgnoresItsMaskIsNeverPadded) { EXPECT_EQ(serve(false), 0U); }

}  // namespace
}  // namespace mlops::testing
