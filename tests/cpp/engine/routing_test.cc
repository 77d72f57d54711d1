#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "route/arm_watch.h"
#include "support/loaded_engine.h"

namespace mlops::testing {
namespace {

RoutePlan canary(std::uint16_t share) {
  RoutePlan plan;
  plan.stable = 1;
  plan.arms = {{"canary", 2, share}};
  return plan;
}

struct TwoVersions : LoadedEngine {
  TwoVersions() {
    load_echo("m", echo_signature(), 1);
    load_echo("m", echo_signature(), 2);
  }
  void route(RoutePlan plan) {
    const auto set = engine->set_route("m", std::move(plan));
    ASSERT_TRUE(set.ok()) << set.status().to_string();
  }
};

Request asked_by(const std::string& id) {
  Request request = request_for("m", float_rows(1, 1));
  request.id = id;
  return request;
}

std::string arm_of(const Response& response) {
  for (const Parameter& parameter : response.parameters) {
    if (parameter.name == "route_arm") return std::get<std::string>(parameter.value);
  }
  return {};
}

// The propensity that an answer says; below 0: none.
double share_of(const Response& response) {
  for (const Parameter& parameter : response.parameters) {
    if (parameter.name == kRouteShareParameter) return std::get<double>(parameter.value);
  }
  return -1;
}

TEST(Routing, AnAnswerSaysTheShareThatItsArmHad) {
  TwoVersions loaded;
  RoutePlan plan = canary(2000);
  plan.override_ = {RequestField::Kind::parameter, {"arm"}};
  loaded.route(plan);
  for (int i = 0; i < 50; ++i) {
    const Response response = loaded.engine->infer(asked_by("user-" + std::to_string(i)));
    EXPECT_DOUBLE_EQ(share_of(response), response.version == 2 ? 0.2 : 0.8);
  }
  Request request = asked_by("tester");
  request.parameters.push_back({"arm", std::string("canary")});
  EXPECT_EQ(share_of(loaded.engine->infer(std::move(request))), -1);
}

TEST(Routing, WithoutARouteNothingIsSaid) {
  TwoVersions loaded;
  const Response response = loaded.engine->infer(asked_by("r"));
  EXPECT_EQ(response.version, 2);
  EXPECT_EQ(arm_of(response), "");
  EXPECT_EQ(share_of(response), -1);
  EXPECT_EQ(loaded.engine->route("m").status().code(), Code::not_found);
}

TEST(Routing, AllDoorsOfTheEngineFollowTheRouteAndSaySo) {
  TwoVersions loaded;
  loaded.route(canary(5000));
  std::map<std::string, std::int64_t> by_infer;
  std::vector<PendingRef> turn;
  std::vector<Ref<RecordingCall>> calls;
  for (int i = 0; i < 200; ++i) {
    const std::string id = "user-" + std::to_string(i);
    const Response response = loaded.engine->infer(asked_by(id));
    ASSERT_TRUE(response.status.ok()) << response.status.to_string();
    EXPECT_EQ(arm_of(response), response.version == 2 ? "canary" : "stable");
    by_infer[id] = response.version;
    calls.push_back(call_for(asked_by(id)));
    turn.push_back(calls.back());
  }
  loaded.engine->submit_turn(turn);
  for (const auto& call : calls) {
    EXPECT_EQ(call->wait().version, by_infer[call->request.id]);
    EXPECT_EQ(arm_of(call->wait()), call->wait().version == 2 ? "canary" : "stable");
    auto again = call_for(asked_by(call->request.id));
    loaded.engine->submit(again);
    EXPECT_EQ(again->wait().version, by_infer[call->request.id]);
  }
  const RouteStatus status = *loaded.engine->route("m");
  EXPECT_EQ(status.arms[0].success + status.arms[1].success, 600U);
  EXPECT_GT(status.arms[1].success, 200U);
  EXPECT_GT(status.arms[0].success, 200U);
  EXPECT_EQ(loaded.engine->stats().routes.size(), 1U);
}

TEST(Routing, WhoAsksForAVersionGetsIt) {
  TwoVersions loaded;
  loaded.route(canary(10'000));
  Request request = asked_by("r");
  request.version = 1;
  const Response response = loaded.engine->infer(std::move(request));
  EXPECT_EQ(response.version, 1);
  EXPECT_EQ(arm_of(response), "");
}

TEST(Routing, StableIsWhatAModelIsForWhoAsksForNoVersion) {
  TwoVersions loaded;
  EXPECT_EQ(loaded.engine->info("m", kAnyVersion)->version, 2);
  loaded.route(canary(0));
  EXPECT_EQ(loaded.engine->info("m", kAnyVersion)->version, 1);
}

TEST(Routing, AChangeIsInForceForTheNextRequest) {
  TwoVersions loaded;
  for (int i = 0; i < 20; ++i) {
    loaded.route(canary(i % 2 == 0 ? 10'000 : 0));
    EXPECT_EQ(loaded.engine->infer(asked_by("r")).version, i % 2 == 0 ? 2 : 1);
  }
  ASSERT_TRUE(loaded.engine->clear_route("m").ok());
  EXPECT_EQ(loaded.engine->infer(asked_by("r")).version, 2);
  EXPECT_EQ(loaded.engine->clear_route("m").code(), Code::not_found);
}

TEST(Routing, AVersionThatIsNotReadyIsRefusedUnlessItIsRestored) {
  TwoVersions loaded;
  RoutePlan plan = canary(10'000);
  plan.arms[0].version = 7;
  const auto refused = loaded.engine->set_route("m", plan);
  EXPECT_EQ(refused.status().code(), Code::unavailable);
  EXPECT_NE(refused.status().message().find("arm 'canary' is version 7"), std::string::npos);
  ASSERT_TRUE(loaded.engine->set_route("m", plan, RouteOrigin::restored).ok());
  EXPECT_EQ(loaded.engine->infer(asked_by("r")).version, 1);
  RouteStatus status = *loaded.engine->route("m");
  EXPECT_FALSE(status.arms[1].ready);
  EXPECT_EQ(status.arms[1].fell_back, 1U);
  EXPECT_EQ(status.arms[0].success, 1U);
  loaded.load_echo("m", echo_signature(), 7);
  EXPECT_EQ(loaded.engine->infer(asked_by("r")).version, 7);
}

TEST(Routing, AnArmThatIsUnloadedFallsBackToStableAndIsCounted) {
  TwoVersions loaded;
  loaded.route(canary(10'000));
  ASSERT_TRUE(loaded.engine->unload("m", 2).ok());
  const Response response = loaded.engine->infer(asked_by("r"));
  EXPECT_EQ(response.version, 1);
  EXPECT_EQ(arm_of(response), "stable");
  EXPECT_EQ(loaded.engine->route("m")->arms[1].fell_back, 1U);
}

TEST(Routing, WithoutStableThereIsWhatIsLeft) {
  TwoVersions loaded;
  loaded.route(canary(0));
  ASSERT_TRUE(loaded.engine->unload("m", 1).ok());
  EXPECT_EQ(loaded.engine->infer(asked_by("r")).version, 2);
  EXPECT_EQ(loaded.engine->info("m", kAnyVersion)->version, 2);
  EXPECT_EQ(loaded.engine->route("m")->arms[0].fell_back, 1U);
}

TEST(Routing, AnOverrideThatNamesNoArmIsRefused) {
  TwoVersions loaded;
  RoutePlan plan = canary(0);
  plan.override_ = {RequestField::Kind::parameter, {"arm"}};
  loaded.route(plan);
  Request request = asked_by("r");
  request.parameters.push_back({"arm", std::string("canary")});
  EXPECT_EQ(loaded.engine->infer(Request(request)).version, 2);
  request.parameters[0].value = std::string("nobody");
  EXPECT_EQ(loaded.engine->infer(Request(request)).status.code(), Code::invalid_argument);
  auto call = call_for(request);
  loaded.engine->submit(call);
  EXPECT_EQ(call->wait().status.code(), Code::invalid_argument);
}

// Swaps of the route and of versions under traffic: every request is answered, by a version that
// some route of that time names.
TEST(Routing, NoRequestIsLostWhileRoutesAndVersionsChange) {
  TwoVersions loaded;
  loaded.route(canary(5000));
  std::atomic<bool> over{false};
  std::atomic<int> wrong{0};
  std::vector<std::jthread> callers;
  for (int thread = 0; thread < 2; ++thread) {
    callers.emplace_back([&, thread] {
      for (int i = 0; !over.load(); ++i) {
        const std::string id = std::to_string(thread) + "-" + std::to_string(i);
        const Response response = loaded.engine->infer(asked_by(id));
        if (!response.status.ok() || arm_of(response).empty()) wrong.fetch_add(1);
      }
    });
  }
  for (int i = 0; i < 60; ++i) {
    const auto share = static_cast<std::uint16_t>(i * 150);
    EXPECT_TRUE(loaded.engine->set_route("m", canary(share), RouteOrigin::restored).ok());
    if (i % 10 == 3) {
      EXPECT_TRUE(loaded.engine->unload("m", 2).ok());
    } else if (i % 10 == 7) {
      loaded.load_echo("m", echo_signature(), 2);
    }
  }
  over = true;
  callers.clear();
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace mlops::testing
