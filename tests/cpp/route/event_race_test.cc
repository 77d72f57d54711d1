#include "route/event_race.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "route/event_filter.h"

namespace mlops::testing {
namespace {

#ifdef MLOPS_SANITIZED
constexpr int kRollouts = 200;
#else
constexpr int kRollouts = 10'000;
#endif

// The definition, spelled out: the mean over alternatives of products of likelihood ratios.
double plain_log_e(const std::vector<std::pair<double, bool>>& events, double null_ratio,
                   double least, double most) {
  long double sum = 0;
  for (int j = 0; j < 12; ++j) {
    const double ratio = least * std::pow(most / least, j / 11.0);
    long double product = 1;
    for (const auto& [share, canary] : events) {
      const auto p = [share = share](double r) { return share * r / (share * r + 1 - share); };
      product *= canary ? p(ratio) / p(null_ratio) : (1 - p(ratio)) / (1 - p(null_ratio));
    }
    sum += product / 12;
  }
  return static_cast<double>(std::log(sum));
}

bool reaches(const EventRace& race, double e) {
  return race.may_reach(std::log(e)) && race.log_e() >= std::log(e);
}

TEST(EventRace, IsItsDefinition) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> uniform;
  EventRace worse = EventRace::worse();
  EventRace no_worse = EventRace::no_worse_than(1.5);
  std::vector<std::pair<double, bool>> events;
  EXPECT_DOUBLE_EQ(worse.log_e(), 0);
  for (int i = 0; i < 300; ++i) {
    const double share = 0.01 + 0.5 * uniform(random);
    const bool canary = uniform(random) < 2 * share;
    events.emplace_back(share, canary);
    worse.add(share, canary);
    no_worse.add(share, canary);
    ASSERT_TRUE(worse.may_reach(worse.log_e()));
    ASSERT_NEAR(worse.log_e(), plain_log_e(events, 1, 1.1, 20), 1e-9);
    ASSERT_NEAR(no_worse.log_e(), plain_log_e(events, 1.5, 0.5, 1), 1e-9);
  }
  EXPECT_EQ(worse.events(), 300U);
}

TEST(EventRace, AShareOfNothingOrAllSaysNothing) {
  EventRace race = EventRace::worse();
  race.add(0, true);
  race.add(1, true);
  race.add(NAN, true);
  EXPECT_EQ(race.events(), 0U);
  EXPECT_DOUBLE_EQ(race.log_e(), 0);
}

// Every event is looked at, over ramps from 1 to 50 %, with 1 % bad events in both arms: whether
// one is the canary's is a coin with its share. 20,000 requests have 200 events.
TEST(EventRace, LookingAllTheTimeCostsNoFalseAlarms) {
  constexpr double kAlpha = 0.01;
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> uniform;
  int alarms = 0;
  int promotions = 0;
  for (int rollout = 0; rollout < kRollouts; ++rollout) {
    EventRace worse = EventRace::worse();
    EventRace no_worse = EventRace::no_worse_than(1.5);
    bool alarm = false;
    bool promoted = false;
    for (int event = 0; event < 200; ++event) {
      const double share =
          std::array{0.01, 0.05, 0.1, 0.25, 0.5}[static_cast<std::size_t>(event) / 40];
      worse.add(share, uniform(random) < share);
      // At the edge of its null hypothesis.
      no_worse.add(share, uniform(random) < share * 1.5 / (share * 1.5 + 1 - share));
      alarm = alarm || reaches(worse, 1 / kAlpha);
      promoted = promoted || reaches(no_worse, 1 / kAlpha);
    }
    alarms += alarm ? 1 : 0;
    promotions += promoted ? 1 : 0;
  }
  EXPECT_LE(alarms, kAlpha * kRollouts);
  EXPECT_LE(promotions, kAlpha * kRollouts);
}

TEST(EventRace, AWorseCanaryIsFound) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> uniform;
  EventRace race = EventRace::worse();
  int events = 0;
  while (race.log_e() < std::log(100) && events < 1000) {
    race.add(0.1, uniform(random) < 0.1 * 5 / (0.1 * 5 + 0.9));
    ++events;
  }
  EXPECT_LT(events, 60);
}

TEST(EventRace, EventsForAPromotionAreTheFormulas) {
  EXPECT_NEAR(expected_events(0.1, 1.5, 0.01), 558.6, 0.1);
  EXPECT_NEAR(expected_events(0.5, 1.5, 0.01), 225.6, 0.1);
  EXPECT_NEAR(expected_events(0.1, 2, 0.01), 177.2, 0.1);
  EXPECT_NEAR(expected_events(0.5, 1.2, 0.01), 1109.8, 0.1);
}

TEST(EventFilter, OneEventPerUnitAndKind) {
  EventFilter filter;
  EXPECT_TRUE(filter.first(17, 0));
  EXPECT_FALSE(filter.first(17, 0));
  EXPECT_TRUE(filter.first(17, 1));
  EXPECT_TRUE(filter.first(18, 0));
  EXPECT_TRUE(filter.first(0, 0));
  EXPECT_TRUE(filter.first(0, 0));
}

// Sticky users, a few of whom fail always: counted raw, their luck of the draw is an alarm in far
// more than alpha of rollouts between two equal versions; counted once, it is not.
TEST(EventFilter, UsersWhoFailAlwaysAreNoFaultOfTheArm) {
  constexpr int kRuns = kRollouts / 10;
  std::mt19937_64 random(5);
  std::uniform_real_distribution<double> uniform;
  int raw_alarms = 0;
  int alarms = 0;
  for (int run = 0; run < kRuns; ++run) {
    EventFilter filter;
    EventRace raw = EventRace::worse();
    EventRace once = EventRace::worse();
    std::array<bool, 20> in_canary;
    for (bool& canary : in_canary) canary = uniform(random) < 0.1;
    bool raw_alarm = false;
    bool alarm = false;
    for (int event = 0; event < 200; ++event) {
      const std::size_t user = random() % in_canary.size();
      raw.add(0.1, in_canary[user]);
      if (filter.first(user + 1, 0)) once.add(0.1, in_canary[user]);
      raw_alarm = raw_alarm || reaches(raw, 100);
      alarm = alarm || reaches(once, 100);
    }
    raw_alarms += raw_alarm ? 1 : 0;
    alarms += alarm ? 1 : 0;
  }
  EXPECT_GT(raw_alarms, kRuns / 20);
  EXPECT_LE(alarms, kRuns / 100);
}

}  // namespace
}  // namespace mlops::testing
