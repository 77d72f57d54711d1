// Rows of a served version are counted: both sides, every batch, whoever reads meanwhile.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "observe/profile_bytes.h"
#include "observe/reference_build.h"
#include "support/loaded_engine.h"
#include "support/temporary_folder.h"

namespace mlops::testing {
namespace {

std::string profile_of(const char* output, std::uint32_t column) {
  std::vector<float> values(200);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  std::vector<StreamReference> streams;
  streams.push_back(numeric_reference({StreamRole::input, "in", 0, "x"}, values, {}));
  streams.push_back(numeric_reference({StreamRole::output, output, column, "y"}, values, {}));
  return profile_bytes({*seal_reference(std::move(streams)), {}});
}

ModelSource with_profile(const TemporaryFolder& folder, const std::string& bytes) {
  folder.file("reference.profile", bytes);
  ModelSource source = LoadedEngine::source("m");
  source.path = (folder.path() / "model.onnx").string();
  return source;
}

ModelSource with_parameter(const std::string& value) {
  auto config = std::make_shared<ModelConfig>();
  config->parameters["drift"] = value;
  ModelSource source = LoadedEngine::source("m");
  source.config = std::move(config);
  return source;
}

TEST(DriftOnThePath, RowsAndPredictionsAreCounted) {
  const TemporaryFolder folder;
  LoadedEngine loaded;
  loaded.load_gated(with_profile(folder, profile_of("out", 3)));
  ASSERT_TRUE(loaded.engine->infer(request_for("m", float_rows(3, 10))).status.ok());
  std::vector<PendingRef> turn;
  for (int i = 0; i < 5; ++i) turn.push_back(call_for(request_for("m", float_rows(2, 300))));
  loaded.engine->submit_turn(turn);
  ASSERT_TRUE(loaded.engine->drain(kNever));
  const auto seen = loaded.engine->drift("m", kAnyVersion, {});
  ASSERT_TRUE(seen.ok()) << seen.status().to_string();
  EXPECT_EQ(seen->window.rows_seen, 13U);
  for (const StreamCounts& counts : seen->window.counts) {
    EXPECT_EQ(counts.rows(), 13U);
    EXPECT_EQ(counts.own(OwnMass::above_range), 10U);
  }
  EXPECT_EQ(loaded.engine->drift("m", 1, std::chrono::hours(1))->window.counts[0].rows(), 13U);
  EXPECT_EQ(loaded.engine->stats().models[0].drift->rows_counted, 13U);
  ASSERT_TRUE(loaded.engine->reset_drift("m", 1).ok());
  EXPECT_EQ(loaded.engine->drift("m", 1, {})->window.counts[0].rows(), 0U);
}

TEST(DriftOnThePath, AnOutputNobodyAskedForIsCountedToo) {
  const TemporaryFolder folder;
  LoadedEngine loaded;
  Signature two = echo_signature();
  two.inputs.push_back(spec("in2", DType::f32, {kAnySize, 4}));
  two.outputs.push_back(spec("out2", DType::f32, {kAnySize, 4}));
  auto backend = make_echo_backend(two);
  ASSERT_TRUE(
      loaded.engine->load(with_profile(folder, profile_of("out2", 0)), *std::move(backend)).ok());
  Request request = request_for("m", float_rows(2, 10));
  request.inputs.push_back({"in2", float_rows(2, 20)});
  request.outputs = {"out"};
  const Response response = loaded.engine->infer(std::move(request));
  ASSERT_TRUE(response.status.ok()) << response.status.to_string();
  EXPECT_EQ(response.outputs.size(), 1U);
  EXPECT_EQ(loaded.engine->drift("m", 1, {})->window.counts[1].rows(), 2U);
}

TEST(DriftOnThePath, AVersionWithAWrongProfileIsNotLoaded) {
  LoadedEngine loaded;
  const auto refused = [&](const std::string& bytes) {
    const TemporaryFolder folder;
    auto backend = make_echo_backend(echo_signature());
    const Status status = loaded.engine->load(with_profile(folder, bytes), *std::move(backend));
    EXPECT_NE(status.message().find("reference.profile"), std::string::npos);
    return !status.ok();
  };
  EXPECT_TRUE(refused(profile_of("out", 4)));    // no such column
  EXPECT_TRUE(refused(profile_of("other", 0)));  // no such output
  EXPECT_TRUE(refused("not a profile"));
  auto backend = make_echo_backend(echo_signature());
  EXPECT_EQ(loaded.engine->load(with_parameter("maybe"), *std::move(backend)).code(),
            Code::invalid_argument);
}

TEST(DriftOnThePath, NothingIsWatchedUnlessAsked) {
  const TemporaryFolder folder;
  LoadedEngine loaded;
  loaded.load_gated(LoadedEngine::source("m"));
  EXPECT_EQ(loaded.engine->drift("m", 1, {}).status().code(), Code::not_found);
  EXPECT_EQ(loaded.engine->freeze_drift("m", 1).code(), Code::not_found);
  EXPECT_FALSE(loaded.engine->stats().models[0].drift.has_value());
  ModelSource off = with_profile(folder, profile_of("out", 0));
  off.config = with_parameter("off").config;
  loaded.load_gated(off);
  EXPECT_EQ(loaded.engine->drift("m", 1, {}).status().code(), Code::not_found);
}

TEST(DriftOnThePath, LiveTrafficIsFrozenAsAReference) {
  LoadedEngine loaded;
  loaded.load_gated(with_parameter("on"));
  ASSERT_TRUE(loaded.engine->infer(request_for("m", float_rows(60, 1))).status.ok());
  EXPECT_EQ(loaded.engine->freeze_drift("m", 1).code(), Code::unavailable);
  EXPECT_EQ(loaded.engine->drift("m", 1, {})->reference, nullptr);
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(loaded.engine->infer(request_for("m", float_rows(60, 1))).status.ok());
  }
  ASSERT_TRUE(loaded.engine->freeze_drift("m", 1).ok());
  ASSERT_TRUE(loaded.engine->infer(request_for("m", float_rows(7, 1))).status.ok());
  const auto seen = loaded.engine->drift("m", 1, {});
  ASSERT_NE(seen->reference, nullptr);
  EXPECT_EQ(seen->reference->streams.size(), 8U);  // four columns in, four out
  EXPECT_EQ(seen->window.counts[0].rows(), 7U);
}

TEST(DriftOnThePath, ReadersAndLanesDoNotLoseARow) {
  constexpr int kRowsEach = 3000;
  const TemporaryFolder folder;
  LoadedEngine loaded;
  ModelSource source = with_profile(folder, profile_of("out", 0));
  source.lanes = 2;
  auto backend = make_echo_backend(echo_signature());
  ASSERT_TRUE(loaded.engine->load(source, *std::move(backend)).ok());
  std::vector<std::thread> callers;
  for (int i = 0; i < 2; ++i) {
    callers.emplace_back([&] {
      for (int row = 0; row < kRowsEach; ++row) {
        EXPECT_TRUE(loaded.engine->infer(request_for("m", float_rows(1, 10))).status.ok());
      }
    });
  }
  for (int i = 0; i < 200; ++i) {
    const auto seen = loaded.engine->drift("m", 1, std::chrono::minutes(10));
    ASSERT_TRUE(seen.ok());
    ASSERT_EQ(seen->window.counts[0].rows(), seen->window.counts[1].rows());
  }
  for (std::thread& caller : callers) caller.join();
  const auto seen = loaded.engine->drift("m", 1, {});
  const DriftCost cost = *loaded.engine->stats().models[0].drift;
  EXPECT_EQ(seen->window.rows_seen, 2U * kRowsEach);
  EXPECT_EQ(cost.rows_counted + cost.rows_left_out, 2U * kRowsEach);
  EXPECT_EQ(seen->window.counts[0].rows(), cost.rows_counted);
}

TEST(DriftOnThePath, AReferenceIsReplacedWhileRowsAreServed) {
  const TemporaryFolder folder;
  LoadedEngine loaded;
  const std::string profile = profile_of("out", 0);
  ModelSource source = with_profile(folder, profile);
  source.lanes = 2;
  auto backend = make_echo_backend(echo_signature());
  ASSERT_TRUE(loaded.engine->load(source, *std::move(backend)).ok());
  std::atomic<bool> done = false;
  std::vector<std::thread> callers;
  for (int i = 0; i < 2; ++i) {
    callers.emplace_back([&] {
      while (!done) {
        EXPECT_TRUE(loaded.engine->infer(request_for("m", float_rows(3, 10))).status.ok());
      }
    });
  }
  for (int i = 0; i < 50; ++i) {
    const std::string& bytes = i % 5 == 4 ? std::string() : profile;
    ASSERT_TRUE(loaded.engine->replace_drift_reference("m", 1, bytes).ok());
    const auto seen = loaded.engine->drift("m", 1, {});
    ASSERT_TRUE(seen.ok());
    ASSERT_EQ(seen->reference == nullptr, bytes.empty());
    for (const StreamCounts& counts : seen->window.counts) {
      ASSERT_EQ(counts.rows(), seen->window.counts[0].rows());
    }
  }
  done = true;
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(loaded.engine->replace_drift_reference("m", 1, "no profile").code(),
            Code::invalid_argument);
  ASSERT_TRUE(loaded.engine->replace_drift_reference("m", 1, profile).ok());
  ASSERT_TRUE(loaded.engine->infer(request_for("m", float_rows(3, 10))).status.ok());
  EXPECT_EQ(loaded.engine->drift("m", 1, {})->window.counts[0].rows(), 3U);
}

}  // namespace
}  // namespace mlops::testing
