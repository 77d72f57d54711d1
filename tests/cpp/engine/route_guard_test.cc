#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/loaded_engine.h"

namespace mlops::testing {
namespace {

// Breaks on rows whose first number is 1000 or more; answers NaN where it is 500.
class FragileBackend final : public Backend {
 public:
  const Signature& signature() const override { return signature_; }
  std::string_view platform() const override { return "fragile"; }
  Result<std::unique_ptr<Executor>> make_executor() override {
    return std::unique_ptr<Executor>(std::make_unique<FragileExecutor>());
  }

 private:
  class FragileExecutor final : public Executor {
   public:
    Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override {
      std::vector<float> values = values_of<float>(inputs.front());
      for (float& value : values) {
        if (value >= 1000) return Status::internal("broken");
        if (value == 500) value = std::numeric_limits<float>::quiet_NaN();
      }
      outputs.front().tensor = dense(DType::f32, inputs.front().shape, values);
      return {};
    }
  };
  Signature signature_ = echo_signature();
};

struct Guarded : LoadedEngine {
  Guarded() {
    load_echo("m", echo_signature(), 1);
    const Status loaded = engine->load(source("m", 2), std::make_unique<FragileBackend>());
    EXPECT_TRUE(loaded.ok()) << loaded.to_string();
  }
  void route(std::uint16_t share, bool automatic = true) {
    RoutePlan plan;
    plan.stable = 1;
    plan.arms = {{"canary", 2, share}};
    plan.override_ = {RequestField::Kind::parameter, {"arm"}};
    plan.guard = GuardPlan{.arm = "canary", .warm_up = 5, .automatic = automatic};
    const auto set = engine->set_route("m", plan);
    ASSERT_TRUE(set.ok()) << set.status().to_string();
  }
  Response ask(int user, float first) {
    Request request = request_for("m", float_rows(1, first));
    request.id = "user-" + std::to_string(user);
    return engine->infer(std::move(request));
  }
  GuardStatus guard() const { return *engine->route("m")->guard; }
};

TEST(RouteGuard, ABrokenArmLosesItsTrafficWithTheNextRequest) {
  Guarded loaded;
  loaded.route(2000);
  int failures = 0;
  int user = 0;
  for (; user < 2000 && loaded.guard().verdict != GuardVerdict::worse; ++user) {
    failures += loaded.ask(user, user % 2 == 0 ? 1000.0F : 1.0F).status.ok() ? 0 : 1;
  }
  EXPECT_EQ(loaded.guard().verdict, GuardVerdict::worse) << loaded.guard().reason;
  EXPECT_LT(failures, 20);
  for (int i = 0; i < 200; ++i) {
    const Response response = loaded.ask(10'000 + i, 1000);
    ASSERT_TRUE(response.status.ok());
    ASSERT_EQ(response.version, 1);
  }
  // Testers still reach it.
  Request request = request_for("m", float_rows(1, 1));
  request.parameters.push_back({"arm", std::string("canary")});
  EXPECT_EQ(loaded.engine->infer(std::move(request)).version, 2);
  // Asked for again it has a new chance, and new evidence.
  loaded.route(10'000);
  EXPECT_EQ(loaded.ask(1, 1).version, 2);
  EXPECT_EQ(loaded.guard().arm_answers, 1U);
}

TEST(RouteGuard, FailuresInARowStopIt) {
  Guarded loaded;
  loaded.route(10'000);
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(loaded.ask(i, 1000).status.ok());
  EXPECT_EQ(loaded.guard().reason, "20 failures in a row");
  EXPECT_EQ(loaded.ask(21, 1000).version, 1);
}

TEST(RouteGuard, ANumberThatIsNoneStopsIt) {
  Guarded loaded;
  loaded.route(10'000);
  EXPECT_EQ(loaded.ask(1, 500).version, 2);
  EXPECT_EQ(loaded.guard().verdict, GuardVerdict::stopped);
  EXPECT_EQ(loaded.ask(1, 500).version, 1);
}

// Stable answers out of its cache, the canary computes: that is no latency to compare.
TEST(RouteGuard, AnswersOutOfTheCacheAreNotTimed) {
  EngineOptions options;
  options.response_cache_bytes = 1 << 20;
  LoadedEngine loaded(options);
  ModelSource cached = LoadedEngine::source("m", 1);
  cached.response_cache = true;
  auto echo = make_echo_backend(echo_signature());
  ASSERT_TRUE(echo.ok() && loaded.engine->load(cached, *std::move(echo)).ok());
  loaded.load_echo("m", echo_signature(), 2);
  RoutePlan plan;
  plan.stable = 1;
  plan.arms = {{"canary", 2, 5000}};
  plan.guard = GuardPlan{.arm = "canary", .warm_up = 1000};
  ASSERT_TRUE(loaded.engine->set_route("m", plan).ok());
  const auto ask = [&](int user) {
    Request request = request_for("m", float_rows(1, 1));  // all the same
    request.id = "user-" + std::to_string(user);
    ASSERT_TRUE(loaded.engine->infer(std::move(request)).status.ok());
  };
  int user = 0;
  while (loaded.engine->route("m")->guard->arm_answers < 1000) ask(user++);
  const GuardStatus guard = *loaded.engine->route("m")->guard;
  EXPECT_GT(guard.stable_answers, 500U);
  EXPECT_EQ(guard.verdict, GuardVerdict::warming_up) << "stable computed one answer";
}

TEST(RouteGuard, TestersAreNotCounted) {
  Guarded loaded;
  loaded.route(0);
  for (int i = 0; i < 30; ++i) {
    Request request = request_for("m", float_rows(1, 1000));
    request.parameters.push_back({"arm", std::string("canary")});
    EXPECT_FALSE(loaded.engine->infer(std::move(request)).status.ok());
  }
  EXPECT_EQ(loaded.guard().arm_answers, 0U);
  EXPECT_EQ(loaded.guard().verdict, GuardVerdict::warming_up);
}

TEST(RouteGuard, AnotherShareKeepsWhatWasSeen) {
  Guarded loaded;
  loaded.route(5000);
  for (int i = 0; i < 100; ++i) loaded.ask(i, 1);
  const GuardStatus before = loaded.guard();
  EXPECT_EQ(before.arm_answers + before.stable_answers, 100U);
  loaded.route(6000);
  EXPECT_EQ(loaded.guard().arm_answers, before.arm_answers);
}

}  // namespace
}  // namespace mlops::testing
