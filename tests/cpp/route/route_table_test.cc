#include "route/route_table.h"

#include <gtest/gtest.h>

#include <cstring>

#include "route/unit_point.h"
#include "support/requests.h"

namespace mlops::testing {
namespace {

using Kind = RequestField::Kind;
using Why = RouteChoice::Why;

#ifdef MLOPS_SANITIZED
constexpr std::uint64_t kKeys = 300'000;
#else
constexpr std::uint64_t kKeys = 10'000'000;
#endif

RoutePlan plan_of(std::vector<RouteArm> arms) {
  RoutePlan plan;
  plan.stable = 1;
  plan.salt = "rollout-7";
  plan.arms = std::move(arms);
  return plan;
}

std::shared_ptr<const RouteTable> table_of(RoutePlan plan, const RouteTable* before = nullptr) {
  auto table = RouteTable::make(std::move(plan), before);
  EXPECT_TRUE(table.ok()) << table.status().to_string();
  return *table;
}

std::string_view key(std::uint64_t number, char (&text)[8]) {
  std::memcpy(text, &number, sizeof text);
  return {text, sizeof text};
}

Request request_of(std::string id) {
  Request request;
  request.model = "m";
  request.id = std::move(id);
  return request;
}

TEST(RouteTable, SharesAreMetOverTenMillionKeys) {
  const auto table = table_of(plan_of({{"a", 2, 1}, {"b", 3, 500}, {"c", 4, 2000}}));
  std::array<std::uint64_t, 4> counts{};
  char text[8];
  for (std::uint64_t i = 0; i < kKeys; ++i) ++counts[table->choose_for(key(i, text)).arm];
  double chi2 = 0;
  for (std::size_t arm = 0; arm < counts.size(); ++arm) {
    const double expected = static_cast<double>(kKeys) * table->arms()[arm].share / kRouteSlots;
    const double off = static_cast<double>(counts[arm]) - expected;
    chi2 += off * off / expected;
  }
  EXPECT_LT(chi2, 16.27) << "3 degrees of freedom, 0.1 %";  // keys are fixed: no luck involved
}

TEST(RouteTable, TheHashIsXxh3OfSaltAndUnit) {
  EXPECT_EQ(unit_point("rollout-7", "user-17"), unit_point("", "rollout-7user-17"));
  const std::string tail(300, 'x');
  const auto bytes = std::as_bytes(std::span(tail));
  EXPECT_EQ(unit_point("salt", tail), unit_point("salt", {&bytes, 1}));
  EXPECT_EQ(unit_point("", ""), 0x2d06800538d394c2U) << "XXH3's own vector of nothing";
}

TEST(RouteTable, RaisingAShareNeverFlipsAUnitBack) {
  std::shared_ptr<const RouteTable> table;
  std::vector<bool> in_canary(20'000, false);
  for (const int share : {1, 100, 500, 1000, 2500, 5000, 10'000}) {
    const auto slots = static_cast<std::uint16_t>(share);
    table = table_of(plan_of({{"canary", 2, slots}}), table.get());
    for (std::size_t unit = 0; unit < in_canary.size(); ++unit) {
      const bool now = table->choose_for("user-" + std::to_string(unit)).arm == 1;
      ASSERT_TRUE(now || !in_canary[unit]);
      in_canary[unit] = now;
    }
  }
}

TEST(RouteTable, AnotherArmsShareMovesNobodyElse) {
  auto table = table_of(plan_of({{"a", 2, 2000}, {"b", 3, 3000}}));
  const auto after = table_of(plan_of({{"a", 2, 3500}, {"b", 3, 3000}}), table.get());
  for (int unit = 0; unit < 5000; ++unit) {
    const std::string name = std::to_string(unit);
    const auto was = table->choose_for(name).arm;
    const auto is = after->choose_for(name).arm;
    if (was != is) {
      EXPECT_TRUE(was == 0 && is == 1);
    }
  }
  const auto renamed = table_of(plan_of({{"b", 3, 3000}}), after.get());
  for (int unit = 0; unit < 5000; ++unit) {
    const std::string name = std::to_string(unit);
    EXPECT_EQ(after->choose_for(name).arm == 2, renamed->choose_for(name).arm == 1);
  }
}

TEST(RouteTable, AnotherSaltShufflesAnew) {
  RoutePlan plan = plan_of({{"canary", 2, 5000}});
  const auto table = table_of(plan);
  plan.salt = "rollout-8";
  const auto after = table_of(plan, table.get());
  int changed = 0;
  for (int unit = 0; unit < 1000; ++unit) {
    const std::string name = std::to_string(unit);
    changed += table->choose_for(name).arm != after->choose_for(name).arm ? 1 : 0;
  }
  EXPECT_GT(changed, 350);
  EXPECT_LT(changed, 650);
}

TEST(RouteTable, TheUnitIsWhatThePlanSays) {
  const auto unit = [](RequestField field, const Request& request) {
    RoutePlan plan = plan_of({{"canary", 2, 5000}});
    plan.unit = std::move(field);
    return table_of(plan)->choose(request, 42);
  };
  Request request = request_for("m", float_rows(1, 1));
  request.id = "r1";
  request.headers.push_back({"x-user", "anna"});
  request.parameters.push_back({"customer", std::int64_t{17}});
  EXPECT_EQ(unit({}, request).point, unit_point("rollout-7", "r1"));
  EXPECT_EQ(unit({Kind::request_id, {}}, request).point, unit_point("rollout-7", "r1"));
  EXPECT_EQ(unit({Kind::header, {"x-user"}}, request).point, unit_point("rollout-7", "anna"));
  EXPECT_EQ(unit({Kind::parameter, {"customer"}}, request).point, unit_point("rollout-7", "17"));
  const std::span<const std::byte> bytes = request.inputs[0].tensor.bytes;
  EXPECT_EQ(unit({Kind::inputs, {"in"}}, request).point, unit_point("rollout-7", {&bytes, 1}));
  for (const RequestField& missing :
       {RequestField{Kind::header, {"x-other"}}, RequestField{Kind::inputs, {"in", "other"}}}) {
    const RouteChoice choice = unit(missing, request);
    EXPECT_FALSE(choice.has_unit);
    EXPECT_EQ(choice.point, 42U);
  }
}

TEST(RouteTable, AnOverrideDecidesByNameOrVersion) {
  RoutePlan plan = plan_of({{"canary", 2, 0}});
  plan.override_ = {Kind::header, {"x-arm"}};
  const auto table = table_of(plan);
  Request request = request_of("r1");
  EXPECT_EQ(table->choose(request, 0).why, Why::share);
  request.headers.push_back({"x-arm", "canary"});
  EXPECT_EQ(table->choose(request, 0).arm, 1);
  EXPECT_EQ(table->choose(request, 0).why, Why::override_);
  request.headers[0].value = "2";
  EXPECT_EQ(table->choose(request, 0).arm, 1);
  request.headers[0].value = "stable";
  EXPECT_EQ(table->choose(request, 0).arm, 0);
  request.headers[0].value = "7";
  EXPECT_EQ(table->choose(request, 0).why, Why::unknown_override);
}

TEST(RouteTable, TheFirstRuleThatAppliesCounts) {
  RoutePlan plan = plan_of({{"canary", 2, 0}});
  plan.rules = {{{Kind::header, {"x-tier"}}, {"internal", "beta"}, {10'000}, {}},
                {{Kind::parameter, {"country"}}, {"IS"}, {5000}, {}}};
  const auto table = table_of(plan);
  Request request = request_of("r1");
  EXPECT_EQ(table->choose(request, 0).arm, 0);
  request.headers.push_back({"x-tier", "beta"});
  EXPECT_EQ(table->choose(request, 0).arm, 1);
  EXPECT_EQ(table->choose(request, 0).why, Why::rule);
  request.headers[0].value = "gold";
  EXPECT_EQ(table->choose(request, 0).arm, 0);
  EXPECT_EQ(table->headers(), std::vector<std::string>{"x-tier"});
}

TEST(RouteTable, CountersGoOnWhileTheArmIsTheSame) {
  const auto table = table_of(plan_of({{"canary", 2, 100}}));
  table->arms()[1].watch->counts()->success.add(3);
  EXPECT_EQ(table_of(plan_of({{"canary", 2, 900}}), table.get())
                ->arms()[1]
                .watch->counts()
                ->success.total(),
            3U);
  EXPECT_EQ(table_of(plan_of({{"canary", 3, 900}}), table.get())
                ->arms()[1]
                .watch->counts()
                ->success.total(),
            0U);
}

TEST(RouteTable, APlanThatIsInForceComesBackAsItWas) {
  auto table = table_of(plan_of({{"a", 2, 2000}, {"b", 3, 3000}}));
  table = table_of(plan_of({{"a", 2, 500}, {"b", 3, 3500}}), table.get());
  const auto again = table_of(table->plan());
  EXPECT_EQ(again->plan(), table->plan());
  for (int unit = 0; unit < 1000; ++unit) {
    const std::string name = std::to_string(unit);
    EXPECT_EQ(again->choose_for(name).arm, table->choose_for(name).arm);
  }
}

TEST(RouteTable, WhatCannotBeIsRefused) {
  const auto refused = [](auto change) {
    RoutePlan plan = plan_of({{"canary", 2, 100}});
    change(plan);
    return RouteTable::make(plan, nullptr).status().code() == Code::invalid_argument;
  };
  EXPECT_FALSE(refused([](RoutePlan&) {}));
  EXPECT_TRUE(refused([](RoutePlan& p) { p.stable = 0; }));
  EXPECT_TRUE(refused([](RoutePlan& p) { p.arms[0].version = 0; }));
  EXPECT_TRUE(refused([](RoutePlan& p) { p.arms[0].name = "stable"; }));
  EXPECT_TRUE(refused([](RoutePlan& p) { p.arms[0].name = "a b"; }));
  EXPECT_TRUE(refused([](RoutePlan& p) { p.arms.push_back({"canary", 3, 1}); }));
  EXPECT_TRUE(refused([](RoutePlan& p) { p.arms.push_back({"b", 3, 9901}); }));
  EXPECT_TRUE(refused([](RoutePlan& p) { p.unit = {Kind::header, {}}; }));
  EXPECT_TRUE(refused([](RoutePlan& p) { p.override_ = {Kind::inputs, {"x"}}; }));
  EXPECT_TRUE(refused([](RoutePlan& p) { p.shadows.push_back({2, 10'001}); }));
  EXPECT_TRUE(refused([](RoutePlan& p) { p.slots = {{2, 10'000}}; }));
  EXPECT_TRUE(refused([](RoutePlan& p) {
    p.rules.push_back({{Kind::header, {"x"}}, {"v"}, {1, 2}, {}});
  }));
}

}  // namespace
}  // namespace mlops::testing
