// The one host copy, asserted: exact counts for fixed scenarios.

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "batch/gather.h"
#include "support/loaded_engine.h"

namespace mlops::testing {
namespace {

std::uint64_t total_copies(Engine& engine) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < kCopySites; ++i) {
    total += engine.copies().total(static_cast<CopySite>(i));
  }
  return total;
}

TEST(Copies, ALoneLargeAlignedRequestIsNotCopied) {
  LoadedEngine loaded;
  loaded.load_gated(LoadedEngine::source("m"));
  const std::int64_t rows = kStagingBytes / (4 * sizeof(float)) + 1;
  ASSERT_TRUE(loaded.engine->infer(request_for("m", float_rows(rows, 1))).status.ok());
  EXPECT_EQ(total_copies(*loaded.engine), 0U);
}

TEST(Copies, ALoneSmallRequestIsCopiedOnceSoThatTheBackEndKnowsTheMemory) {
  LoadedEngine loaded;
  loaded.load_gated(LoadedEngine::source("m"));
  ASSERT_TRUE(loaded.engine->infer(request_for("m", float_rows(3, 1))).status.ok());
  EXPECT_EQ(loaded.engine->copies().total(CopySite::gather), 3U * 4 * sizeof(float));
  EXPECT_EQ(total_copies(*loaded.engine), 3U * 4 * sizeof(float));
}

TEST(Copies, ABatchCopiesEachInputByteOnce) {
  LoadedEngine loaded;
  loaded.load_gated(LoadedEngine::source("m"));
  std::vector<PendingRef> turn;
  for (int i = 0; i < 5; ++i) turn.push_back(call_for(request_for("m", float_rows(2, 1))));
  loaded.engine->submit_turn(turn);
  EXPECT_EQ(loaded.engine->copies().total(CopySite::gather), 5U * 2 * 4 * sizeof(float));
  EXPECT_EQ(total_copies(*loaded.engine), 5U * 2 * 4 * sizeof(float));
}

TEST(Copies, AMisalignedBodyIsCopiedOnceBecauseItMustBe) {
  LoadedEngine loaded;
  loaded.load_gated(LoadedEngine::source("m"));
  Tensor aligned = float_rows(1, 1);
  Tensor shifted = dense(DType::u8, Shape{17}, std::vector<std::uint8_t>(17));
  std::memcpy(shifted.owner->data() + 1, aligned.bytes.data(), 16);
  aligned.bytes = {shifted.owner->data() + 1, 16};
  aligned.owner = shifted.owner;
  const Response response = loaded.engine->infer(request_for("m", aligned));
  ASSERT_TRUE(response.status.ok());
  EXPECT_EQ(values_of<float>(response.outputs[0].tensor), (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(total_copies(*loaded.engine), 16U);
}

TEST(Copies, AnswersOfABatchAreViewsOfOneSlab) {
  LoadedEngine loaded;
  loaded.load_gated(LoadedEngine::source("m"));
  std::vector<Ref<RecordingCall>> calls;
  std::vector<PendingRef> turn;
  for (int i = 0; i < 2; ++i) {
    calls.push_back(call_for(request_for("m", float_rows(1, static_cast<float>(i)))));
    turn.push_back(calls.back());
  }
  loaded.engine->submit_turn(turn);
  const Tensor& first = calls[0]->wait().outputs[0].tensor;
  const Tensor& second = calls[1]->wait().outputs[0].tensor;
  EXPECT_EQ(first.owner, second.owner);
  EXPECT_EQ(first.bytes.data() + 16, second.bytes.data());
}

TEST(Copies, SmallAnswersThatAreKeptAreNotWrittenAgain) {
  LoadedEngine loaded;
  loaded.load_gated(LoadedEngine::source("m"));
  std::vector<Response> kept;
  for (int i = 0; i < 20; ++i) {
    kept.push_back(
        loaded.engine->infer(request_for("m", float_rows(1 + i % 3, static_cast<float>(i)))));
  }
  for (int i = 0; i < 20; ++i) {
    const Tensor& answer = kept[static_cast<std::size_t>(i)].outputs[0].tensor;
    EXPECT_EQ(values_of<float>(answer),
              values_of<float>(float_rows(1 + i % 3, static_cast<float>(i))));
  }
}

TEST(Copies, SmallAnswersReuseTheirMemoryOnceTheyAreGone) {
  LoadedEngine loaded;
  loaded.load_gated(LoadedEngine::source("m", 1, 1));
  std::set<const std::byte*> seen;
  for (int i = 0; i < 100; ++i) {
    seen.insert(
        loaded.engine->infer(request_for("m", float_rows(1, 1))).outputs[0].tensor.bytes.data());
  }
  EXPECT_EQ(seen.size(), 1U);
}

TEST(Copies, SlabsComeBackWhenAnswersAreGone) {
  LoadedEngine loaded;
  loaded.load_gated(LoadedEngine::source("m"));
  {
    const Response kept = loaded.engine->infer(request_for("m", float_rows(kStagingBytes / 8, 1)));
    EXPECT_GT(loaded.engine->stats().slab_bytes_in_use, 0U);
  }
  EXPECT_EQ(loaded.engine->stats().slab_bytes_in_use, 0U);
}

TEST(Copies, AnswersThatAreKeptDoNotTurnOtherRequestsAway) {
  EngineOptions options;
  options.slab_bytes_max = 16384;
  LoadedEngine loaded(options);
  loaded.load_gated(LoadedEngine::source("m"));
  std::vector<Response> kept;
  for (int i = 0; i < 100; ++i) {
    kept.push_back(loaded.engine->infer(
        request_for("m", float_rows(kStagingBytes / 8, static_cast<float>(i)))));
    ASSERT_TRUE(kept.back().status.ok()) << kept.back().status.to_string();
  }
  EXPECT_LE(loaded.engine->stats().slab_bytes_in_use, 16384U);
}

}  // namespace
}  // namespace mlops::testing
