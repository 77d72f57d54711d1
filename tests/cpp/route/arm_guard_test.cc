#include "route/arm_guard.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace mlops::testing {
namespace {

#ifdef MLOPS_SANITIZED
constexpr int kGuarded = 20;
#else
constexpr int kGuarded = 300;
#endif

GuardPlan guard_plan(std::uint32_t warm_up = 50) {
  GuardPlan plan;
  plan.arm = "canary";
  plan.warm_up = warm_up;
  return plan;
}

// Requests of many users to two arms, as they are answered.
class Traffic {
 public:
  explicit Traffic(std::uint64_t seed) : random_(seed) {}
  double share = 0.1;
  double bad_stable = 0.01;
  double bad_canary = 0.01;
  double slower = 1;  // the canary's latencies: so many times
  double spread = 0.5;

  ArmGuard::Answer next() {
    ArmGuard::Answer answer;
    answer.share = share;
    answer.unit = ++requests_;
    answer.by_arm = uniform_(random_) < share;
    answer.bad = uniform_(random_) < (answer.by_arm ? bad_canary : bad_stable);
    const double ms = std::exp(spread * normal_(random_)) * (answer.by_arm ? slower : 1);
    answer.latency_ns = static_cast<std::uint64_t>(ms * 1e6);
    return answer;
  }
  std::uint64_t requests() const { return requests_; }

 private:
  std::mt19937_64 random_;
  std::uniform_real_distribution<double> uniform_;
  std::normal_distribution<double> normal_;
  std::uint64_t requests_ = 0;
};

TEST(ArmGuard, TwoEqualArmsAreLeftAlone) {
  int tripped = 0;
  for (int rollout = 0; rollout < kGuarded; ++rollout) {
    ArmGuard guard(guard_plan());
    Traffic traffic(static_cast<std::uint64_t>(rollout));
    for (int i = 0; i < 3000; ++i) {
      traffic.share = i < 1000 ? 0.05 : i < 2000 ? 0.25 : 0.5;
      guard.answered(traffic.next());
    }
    tripped += guard.tripped() ? 1 : 0;
  }
  EXPECT_LE(tripped, std::max(1, kGuarded / 100));
}

TEST(ArmGuard, ErrorsAndLatencyTakeTheTrafficAway) {
  for (const bool slow : {false, true}) {
    ArmGuard guard(guard_plan());
    Traffic traffic(11);
    traffic.bad_canary = slow ? 0.01 : 0.1;
    traffic.slower = slow ? 1.5 : 1;
    while (!guard.tripped() && traffic.requests() < 20'000) guard.answered(traffic.next());
    EXPECT_TRUE(guard.tripped());
    const GuardStatus status = guard.status();
    EXPECT_EQ(status.verdict, GuardVerdict::worse);
    EXPECT_GE(status.log_e, std::log(100));
    EXPECT_NE(status.reason.find("log e-value"), std::string::npos);
    EXPECT_GT(status.metrics[slow ? 2 : 0].log_e, 2);
  }
}

// How many of the rollouts of an arm that is so many times slower lose their traffic, where
// latencies hardly vary and the least difference shows.
int rolled_back(double slower, double tolerance, int rollouts) {
  int tripped = 0;
  for (int rollout = 0; rollout < rollouts; ++rollout) {
    GuardPlan plan = guard_plan();
    plan.latency_tolerance = tolerance;
    plan.latency_slack_us = 0;
    ArmGuard guard(plan);
    Traffic traffic(static_cast<std::uint64_t>(rollout));
    traffic.spread = 0.05;
    traffic.slower = slower;
    for (int i = 0; i < 3000 && !guard.tripped(); ++i) {
      traffic.share = i < 1000 ? 0.05 : i < 2000 ? 0.25 : 0.5;
      guard.answered(traffic.next());
    }
    tripped += guard.tripped() ? 1 : 0;
  }
  return tripped;
}

TEST(ArmGuard, WhatIsToleratedOfLatencyIsNotWorse) {
  // On the edge of what is tolerated the two arms' events are equally frequent: the hardest null.
  EXPECT_LE(rolled_back(1.05, 0.05, kGuarded), std::max(1, kGuarded / 100));
  EXPECT_LE(rolled_back(1.03, 0.05, kGuarded), std::max(1, kGuarded / 100));
}

TEST(ArmGuard, WhatIsNotToleratedOfLatencyIsWorse) {
  EXPECT_EQ(rolled_back(1.05, 0, 10), 10);
  EXPECT_EQ(rolled_back(1.05, 0.01, 10), 10);
  EXPECT_EQ(rolled_back(1.15, 0.05, 10), 10);
}

TEST(ArmGuard, AColdStartIsNotCounted) {
  ArmGuard guard(guard_plan(100));
  Traffic traffic(3);
  traffic.share = 0.5;
  traffic.slower = 50;
  for (int i = 0; i < 150; ++i) guard.answered(traffic.next());
  EXPECT_EQ(guard.status().verdict, GuardVerdict::warming_up);
  traffic.slower = 1;
  for (int i = 0; i < 3000; ++i) guard.answered(traffic.next());
  EXPECT_FALSE(guard.tripped());
}

// At the edge of what is allowed: the null hypothesis with the tolerance in it.
TEST(ArmGuard, LatenciesWithinTheToleranceAreLeftAlone) {
  GuardPlan plan = guard_plan();
  plan.latency_tolerance = 0.1;
  plan.latency_slack_us = 0;
  int tripped = 0;
  for (int rollout = 0; rollout < kGuarded; ++rollout) {
    ArmGuard guard(plan);
    Traffic traffic(static_cast<std::uint64_t>(rollout));
    traffic.slower = 1.1;
    for (int i = 0; i < 3000; ++i) guard.answered(traffic.next());
    tripped += guard.tripped() ? 1 : 0;
  }
  EXPECT_LE(tripped, std::max(1, kGuarded / 100));
  ArmGuard guard(plan);
  Traffic traffic(11);
  traffic.slower = 1.5;
  while (!guard.tripped() && traffic.requests() < 20'000) guard.answered(traffic.next());
  EXPECT_TRUE(guard.tripped());
}

// A model of some microseconds is twice as slow when its caches are cold.
TEST(ArmGuard, MicrosecondsAreNoReason) {
  for (const std::uint64_t more_ns : {16'000U, 200'000U}) {
    ArmGuard guard(guard_plan());
    Traffic traffic(5);
    for (int i = 0; i < 20'000; ++i) {
      ArmGuard::Answer answer = traffic.next();
      answer.latency_ns = answer.latency_ns / 100 + (answer.by_arm ? more_ns : 0);
      guard.answered(answer);
    }
    EXPECT_EQ(guard.tripped(), more_ns == 200'000) << more_ns;
  }
}

TEST(ArmGuard, WhatIsRememberedIsNotTimed) {
  ArmGuard guard(guard_plan(1));
  Traffic traffic(4);
  for (int i = 0; i < 4000; ++i) {
    ArmGuard::Answer answer = traffic.next();
    if (answer.by_arm) answer.latency_ns *= 100;
    answer.timed = !answer.by_arm;
    guard.answered(answer);
  }
  EXPECT_FALSE(guard.tripped());
  EXPECT_EQ(guard.status().metrics[3].arm_events, 0U);
}

TEST(ArmGuard, AFailingBatchIsOneEventAndAUserToo) {
  ArmGuard guard(guard_plan(1));
  ArmGuard::Answer answer{.share = 0.1, .latency_ns = 1000};
  guard.answered(answer);
  answer.by_arm = true;
  guard.answered(answer);
  answer.bad = true;
  for (std::uint64_t i = 0; i < 10; ++i) {
    answer.unit = 100 + i;
    answer.batch = 7;
    guard.answered(answer);
  }
  EXPECT_EQ(guard.status().metrics[0].events, 1U);
  answer.bad = false;
  guard.answered(answer);  // not in a row
  answer.bad = true;
  answer.unit = 100;
  answer.batch = 8;
  guard.answered(answer);
  EXPECT_EQ(guard.status().metrics[0].events, 1U);
  answer.unit = 999;
  answer.batch = 9;
  guard.answered(answer);
  EXPECT_EQ(guard.status().metrics[0].events, 2U);
}

TEST(ArmGuard, HardStopsNeedNoStatistics) {
  ArmGuard failing(guard_plan());
  ArmGuard::Answer answer{.by_arm = true, .share = 0.01, .bad = true};
  for (int i = 0; i < 19; ++i) failing.answered(answer);
  EXPECT_FALSE(failing.tripped());
  failing.answered(answer);
  EXPECT_TRUE(failing.tripped());
  EXPECT_EQ(failing.status().reason, "20 failures in a row");

  ArmGuard nan(guard_plan());
  nan.answered({.by_arm = true, .share = 0.01, .finite = false});
  EXPECT_EQ(nan.status().verdict, GuardVerdict::stopped);
  ArmGuard both(guard_plan());
  both.answered({.by_arm = false, .share = 0.01, .finite = false});
  both.answered({.by_arm = true, .share = 0.01, .finite = false});
  EXPECT_FALSE(both.tripped());
}

TEST(ArmGuard, AnAdvisorSaysSoAndDoesNothing) {
  GuardPlan plan = guard_plan();
  plan.automatic = false;
  ArmGuard guard(plan);
  for (int i = 0; i < 20; ++i) guard.answered({.by_arm = true, .share = 0.01, .bad = true});
  EXPECT_EQ(guard.status().verdict, GuardVerdict::stopped);
  EXPECT_FALSE(guard.tripped());
}

TEST(ArmGuard, ABetterArmIsSaidToBeNoWorse) {
  ArmGuard guard(guard_plan());
  Traffic traffic(9);
  traffic.share = 0.5;
  traffic.bad_stable = 0.1;
  traffic.bad_canary = 0.02;
  traffic.slower = 0.5;
  while (guard.status().verdict != GuardVerdict::no_worse && traffic.requests() < 30'000) {
    guard.answered(traffic.next());
  }
  EXPECT_EQ(guard.status().verdict, GuardVerdict::no_worse);
  EXPECT_FALSE(guard.tripped());
}

}  // namespace
}  // namespace mlops::testing
