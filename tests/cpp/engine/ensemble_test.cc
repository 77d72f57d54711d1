#include <gtest/gtest.h>

#include <thread>

#include "engine/repository_control.h"
#include "execute/echo_backend.h"
#include "support/gate_backend.h"
#include "support/recording_call.h"
#include "support/requests.h"
#include "support/temporary_folder.h"

namespace mlops::testing {
namespace {

// Members echo "in" as "out"; the one called "gated" waits for the gate, and fails on negative
// rows.
class EnsembleTest : public ::testing::Test {
 protected:
  EnsembleTest() {
    EngineOptions options;
    options.lanes = 1;
    options.inline_run_us_max = 1'000'000;
    options.make_backend = [this](const ModelSource& source) -> Result<std::unique_ptr<Backend>> {
      if (source.name != "gated") return make_echo_backend(echo_signature());
      return std::unique_ptr<Backend>(std::make_unique<GateBackend>(gate_, echo_signature()));
    };
    engine_ = std::move(Engine::create(std::move(options), log_)).value();
    for (const char* name : {"first", "second", "gated"}) {
      root_.file(std::string(name) + "/1/model.onnx");
    }
    RepositoryOptions repository;
    repository.directories = {root_.path()};
    repository.mode = RepositoryMode::explicit_loads;
    control_ = std::make_unique<RepositoryControl>(*engine_, log_, std::move(repository));
  }

  static std::string step(const std::string& model, const std::string& from,
                          const std::string& to) {
    return "step { model_name: '" + model + "' input_map { key: 'in' value: '" + from +
           "' } output_map { key: 'out' value: '" + to + "' } } ";
  }

  void write_ensemble(const std::string& name, const std::string& steps) {
    root_.file(name + "/1/keep");
    root_.file(name + "/config.pbtxt",
               "platform: 'ensemble' max_batch_size: 512 input { name: 'IN' dims: 4 } "
               "output { name: 'OUT' dims: 4 } ensemble_scheduling { " +
                   steps + "}");
  }
  Status load(const std::string& name) { return control_->load({name, nullptr, {}}); }

  static Request request(const std::string& model, float first = 1, std::int64_t rows = 1) {
    return request_for(model, float_rows(rows, first), "IN");
  }

  ModelStats stats_of(const std::string& name) const {
    for (const ModelStats& stats : engine_->stats().models) {
      if (stats.name == name) return stats;
    }
    return {};
  }

  NullLog log_;
  TemporaryFolder root_;
  std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<RepositoryControl> control_;
};

TEST_F(EnsembleTest, RunsItsModelsAndLoadsThemFirst) {
  write_ensemble("both", step("second", "mid", "OUT") + step("first", "IN", "mid"));
  const Status loaded = load("both");
  ASSERT_TRUE(loaded.ok()) << loaded.message();
  Request asked = request("both", 1, 2);
  asked.id = "abc";
  const Response response = engine_->infer(std::move(asked));
  ASSERT_TRUE(response.status.ok()) << response.status.message();
  EXPECT_EQ(response.model, "both");
  EXPECT_EQ(response.version, 1);
  EXPECT_EQ(response.id, "abc");
  ASSERT_EQ(response.outputs.size(), 1U);
  EXPECT_EQ(response.outputs[0].name, "OUT");
  EXPECT_EQ(values_of<float>(response.outputs[0].tensor),
            (std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(engine_->info("both", kAnyVersion)->platform, "ensemble");
  for (const char* name : {"both", "first", "second"}) {
    EXPECT_EQ(stats_of(name).success, 1U) << name;
    EXPECT_EQ(stats_of(name).inferences, 2U) << name;
  }
}

TEST_F(EnsembleTest, PassesTensorsWithoutCopies) {
  write_ensemble("both", step("first", "IN", "mid") + step("second", "mid", "OUT"));
  ASSERT_TRUE(load("both").ok());
  const auto copied = [this](std::int64_t rows) {
    const auto before = engine_->stats().copy_bytes;
    EXPECT_TRUE(engine_->infer(request("both", 1, rows)).status.ok());
    auto after = engine_->stats().copy_bytes;
    for (std::size_t i = 0; i < after.size(); ++i) after[i] -= before[i];
    return after;
  };
  // What lies well is used where it lies; small inputs are gathered by each model, and that is all.
  EXPECT_EQ(copied(512), (std::array<std::uint64_t, kCopySites>{}));
  std::array<std::uint64_t, kCopySites> gathers{};
  gathers[static_cast<std::size_t>(CopySite::gather)] = 2 * 16;
  EXPECT_EQ(copied(1), gathers);
}

TEST_F(EnsembleTest, StepsOfOneTurnAreBatches) {
  write_ensemble("both", step("first", "IN", "mid") + step("second", "mid", "OUT"));
  ASSERT_TRUE(load("both").ok());
  std::vector<Ref<RecordingCall>> calls;
  std::vector<PendingRef> turn;
  for (int i = 0; i < 8; ++i) {
    calls.push_back(make_ref<RecordingCall>(request("both", static_cast<float>(i))));
    turn.push_back(calls.back());
  }
  engine_->submit_turn(turn);
  for (int i = 0; i < 8; ++i) {
    const Response& response = calls[static_cast<std::size_t>(i)]->wait();
    ASSERT_TRUE(response.status.ok()) << response.status.message();
    EXPECT_EQ(values_of<float>(response.outputs[0].tensor)[0], static_cast<float>(i));
  }
  EXPECT_EQ(stats_of("first").executions, 1U);
  EXPECT_EQ(stats_of("second").executions, 1U);
}

TEST_F(EnsembleTest, AFailureNamesTheModelAndNothingMoreRuns) {
  write_ensemble("both", step("gated", "IN", "mid") + step("second", "mid", "OUT"));
  ASSERT_TRUE(load("both").ok());
  const Response response = engine_->infer(request("both", -8));
  EXPECT_EQ(response.status.message(), "in ensemble 'both', model 'gated': a row is negative");
  EXPECT_EQ(response.status.code(), Code::invalid_argument);
  EXPECT_EQ(stats_of("second").success, 0U);
  EXPECT_EQ(stats_of("both").failure[static_cast<std::size_t>(Code::invalid_argument)], 1U);
}

TEST_F(EnsembleTest, ChecksRequestsLikeAnyModel) {
  write_ensemble("both", step("first", "IN", "mid") + step("second", "mid", "OUT"));
  ASSERT_TRUE(load("both").ok());
  EXPECT_EQ(engine_->infer(request_for("both", float_rows(1, 0), "in")).status.code(),
            Code::invalid_argument);
  EXPECT_NE(engine_->infer(request("both", 1, 513)).status.message().find("must be <= 512"),
            std::string::npos);
  Request late = request("both");
  late.deadline = TimePoint{};
  EXPECT_EQ(engine_->infer(std::move(late)).status.code(), Code::deadline_exceeded);
}

TEST_F(EnsembleTest, CancellingReachesTheStepThatWaits) {
  write_ensemble("both", step("first", "IN", "mid") + step("gated", "mid", "OUT"));
  ASSERT_TRUE(load("both").ok());
  gate_->forget();
  gate_->close();
  const auto running = make_ref<RecordingCall>(request_for("gated", float_rows(1, 0)));
  engine_->submit(running);
  gate_->wait_for_runs(1);  // the only lane is taken
  const auto call = make_ref<RecordingCall>(request("both"));
  engine_->submit(call);
  // The step waits in the queue of "gated" once "first" has answered it.
  while (stats_of("gated").queued == 0) std::this_thread::yield();
  EXPECT_TRUE(call->cancel());
  gate_->open();
  EXPECT_TRUE(running->wait().status.ok());
  ASSERT_TRUE(control_->unload("both", true).ok());
  EXPECT_EQ(gate_->batches().size(), 1U) << "the cancelled step ran";
}

TEST_F(EnsembleTest, TheDeadlineHoldsForTheSteps) {
  write_ensemble("both", step("gated", "IN", "mid") + step("second", "mid", "OUT"));
  ASSERT_TRUE(load("both").ok());
  gate_->close();
  Request asked = request("both");
  asked.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
  const auto call = make_ref<RecordingCall>(std::move(asked));
  engine_->submit(call);
  EXPECT_EQ(call->wait().status.code(), Code::deadline_exceeded);
  gate_->open();
}

TEST_F(EnsembleTest, UnloadingAMemberTakesItsEnsemblesAlong) {
  write_ensemble("both", step("first", "IN", "mid") + step("second", "mid", "OUT"));
  write_ensemble("outer",
                 "step { model_name: 'both' input_map { key: 'IN' value: 'IN' } "
                 "output_map { key: 'OUT' value: 'OUT' } }");
  ASSERT_TRUE(load("outer").ok());
  EXPECT_TRUE(engine_->infer(request("outer")).status.ok());
  ASSERT_TRUE(control_->unload("first", false).ok());
  EXPECT_FALSE(engine_->info("outer", kAnyVersion).ok());
  EXPECT_FALSE(engine_->info("both", kAnyVersion).ok());
  EXPECT_TRUE(engine_->info("second", kAnyVersion).ok());
  ASSERT_TRUE(load("outer").ok());
  ASSERT_TRUE(control_->unload("both", false).ok());
  EXPECT_TRUE(engine_->info("first", kAnyVersion).ok()) << "unload_dependents was not asked for";
  ASSERT_TRUE(load("both").ok());
  ASSERT_TRUE(control_->unload("both", true).ok());
  EXPECT_TRUE(engine_->models().empty());
}

TEST_F(EnsembleTest, CirclesAreRefused) {
  write_ensemble("one",
                 "step { model_name: 'two' input_map { key: 'IN' value: 'IN' } "
                 "output_map { key: 'OUT' value: 'OUT' } }");
  write_ensemble("two",
                 "step { model_name: 'one' input_map { key: 'IN' value: 'IN' } "
                 "output_map { key: 'OUT' value: 'OUT' } }");
  EXPECT_NE(load("one").message().find("is made of itself"), std::string::npos);
  // Also when the circle is closed by a reload.
  write_ensemble("two", step("first", "IN", "OUT"));
  ASSERT_TRUE(load("one").ok());
  write_ensemble("two",
                 "step { model_name: 'one' input_map { key: 'IN' value: 'IN' } "
                 "output_map { key: 'OUT' value: 'OUT' } }");
  EXPECT_EQ(load("two").message(), "ensemble 'two' is made of itself");
  EXPECT_TRUE(engine_->infer(request("one")).status.ok());
}

TEST_F(EnsembleTest, SwapsOfMembersLoseNoRequest) {
  write_ensemble("both", step("first", "IN", "mid") + step("second", "mid", "OUT"));
  ASSERT_TRUE(load("both").ok());
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> answered{0}, failed{0};
  std::vector<std::jthread> clients;
  for (int i = 0; i < 2; ++i) {
    clients.emplace_back([&] {
      while (!stop) ++(engine_->infer(request("both")).status.ok() ? answered : failed);
    });
  }
  for (int i = 0; i < 20; ++i) {
    root_.file("first/1/model.onnx", std::string(static_cast<std::size_t>(i) + 1, 'x'));
    ASSERT_TRUE(load("first").ok());
    const std::uint64_t before = answered;
    while (answered == before && failed == 0) std::this_thread::yield();
  }
  stop = true;
  clients.clear();
  EXPECT_EQ(failed, 0U);
}

}  // namespace
}  // namespace mlops::testing
