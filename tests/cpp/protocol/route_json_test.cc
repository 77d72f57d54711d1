#include "protocol/route_json.h"

#include <gtest/gtest.h>

namespace mlops::testing {
namespace {

using Kind = RequestField::Kind;

constexpr std::string_view kFull =
    R"({"stable":1,"salt":"r7","unit":{"header":"X-User"},"override":{"parameter":"arm"},)"
    R"("arms":[{"name":"canary","version":2,"share":0.05},{"name":"b","version":3,"share":0.0001}],)"
    R"("rules":[{"header":"x-tier","in":["beta"],"shares":{"canary":1}}],)"
    R"("shadows":[{"version":4,"sample":0.5}],"slots":[[1,500],[2,1],[0,9499]]})";

TEST(RouteJson, SaysEverything) {
  const Result<RoutePlan> plan = parse_route(kFull);
  ASSERT_TRUE(plan.ok()) << plan.status().to_string();
  EXPECT_EQ(plan->stable, 1);
  EXPECT_EQ(plan->salt, "r7");
  EXPECT_EQ(plan->unit, (RequestField{Kind::header, {"x-user"}}));
  EXPECT_EQ(plan->override_, (RequestField{Kind::parameter, {"arm"}}));
  EXPECT_EQ(plan->arms, (std::vector<RouteArm>{{"canary", 2, 500}, {"b", 3, 1}}));
  ASSERT_EQ(plan->rules.size(), 1U);
  EXPECT_EQ(plan->rules[0].shares, (std::vector<std::uint16_t>{10'000, 0}));
  EXPECT_EQ(plan->shadows, (std::vector<RouteShadow>{{4, 5000}}));
  EXPECT_EQ(plan->slots, (std::vector<SlotRun>{{1, 500}, {2, 1}, {0, 9499}}));
}

TEST(RouteJson, WhatIsReadCanBeWrittenAgain) {
  const RoutePlan plan = *parse_route(kFull);
  RouteStatus status{"m", plan, {{"stable", 1, 9499, true, 7, 1, 0}}};
  const std::string text = route_json(status);
  EXPECT_NE(text.find(R"("state":{"arms":[{"name":"stable","version":1,"share":0.9499,)"),
            std::string::npos)
      << text;
  EXPECT_EQ(*parse_route(text), plan);
  const std::map<std::string, RoutePlan> routes = {{"a", plan}, {"b \"c\"", plan}};
  EXPECT_EQ(*parse_routes(routes_json(routes)), routes);
}

TEST(RouteJson, WhatCannotBeSaysWhy) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "must be an object"},
      {"[]", "must be an object"},
      {"{}", "'stable' must be a version"},
      {R"({"stable":"1"})", "'stable' must be a whole number"},
      {R"({"stable":1.5})", "'stable' is not a whole number"},
      {R"({"stable":1,"stable":2})", "'stable' is there twice"},
      {R"({"stable":1,"arm":[]})", "no member 'arm'"},
      {R"({"stable":1,"arms":[{"name":"c","version":2,"share":0.00005}]})", "steps of 0.0001"},
      {R"({"stable":1,"arms":[{"name":"c","version":2,"share":1.01}]})", "from 0 to 1"},
      {R"({"stable":1,"unit":{"header":"a","parameter":"b"}})", "one of header"},
      {R"({"stable":1,"unit":{"request_id":false}})", "can only be true"},
      {R"({"stable":1,"rules":[{"header":"a","in":["x"],"shares":{"q":1}}]})", "'q', which is no"},
      {R"({"stable":1,"slots":[[0,1,2]]})", "pairs"},
      {R"({"stable":1,"slots":[[99,1]]})", "pairs"},
      {R"({"stable":1} x)", "offset"},
  };
  for (const auto& [text, why] : cases) {
    const Result<RoutePlan> plan = parse_route(text);
    ASSERT_FALSE(plan.ok()) << text;
    EXPECT_NE(plan.status().message().find(why), std::string::npos)
        << text << ": " << plan.status().message();
  }
}

TEST(RouteJson, GuardsAndWhatTheyDid) {
  const Result<RoutePlan> plan = parse_route(
      R"({"stable":1,"arms":[{"name":"c","version":2,"share":0.1}],"guard":{"arm":"c","alpha":0.001,)"
      R"("latency_tolerance":0.25,"latency_slack_us":0},)"
      R"("rolled_back":{"arm":"b","version":3,"reason":"x","unix_ms":7}})");
  ASSERT_TRUE(plan.ok()) << plan.status().to_string();
  EXPECT_EQ(
      plan->guard,
      (GuardPlan{.arm = "c", .alpha = 0.001, .latency_tolerance = 0.25, .latency_slack_us = 0}));
  EXPECT_EQ(plan->rolled_back, (RouteIncident{"b", 3, "x", 7}));
  RouteStatus status{"m", *plan, {}};
  status.guard = ArmGuard(*plan->guard).status();
  const std::string text = route_json(status);
  EXPECT_NE(text.find(R"("guard":{"verdict":"warming_up")"), std::string::npos) << text;
  EXPECT_EQ(*parse_route(text), *plan);
  EXPECT_FALSE(parse_route(R"({"stable":1,"guard":{"arm":"c"}})").ok());
  RoutePlan beyond = *plan;
  beyond.guard->latency_tolerance = -0.1;
  EXPECT_FALSE(parse_route(route_json({"m", beyond, {}})).ok());
}

TEST(RouteJson, ExplainsAUnit) {
  RoutePlan plan;
  plan.stable = 1;
  plan.arms = {{"canary", 2, 10'000}};
  const std::string text = explain_route_json({"m", plan, {}}, "user 1");
  EXPECT_NE(text.find(R"("unit":"user 1","slot":)"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("arm":"canary","version":2,"share":1)"), std::string::npos) << text;
}

}  // namespace
}  // namespace mlops::testing
