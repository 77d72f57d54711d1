// mlops-guard-power [rollouts]: what guards do to simulated canaries, looked at after every
// request: how many are rolled back, and after how many requests. Beside them, on the same
// requests, other rules (guard_rivals.h). Latencies are lognormal, sigma 0.5; units are new each
// time. Rows of equal versions, of which there are ten times as many rollouts, show false alarms.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>
#include <vector>

#include "micro/guard_rivals.h"
#include "route/arm_guard.h"

namespace {

using namespace mlops;
using micro::Rivals;

struct Scenario {
  const char* name;
  double bad_stable;
  double bad_canary;
  double slower;  // the canary's latencies: so many times
  std::vector<double> shares;
  int requests;
};

const std::vector<double> kRamp = {0.01, 0.05, 0.1, 0.25, 0.5};
const Scenario kScenarios[] = {
    {"equal, share 5 %, 20,000 requests", 0.01, 0.01, 1, {0.05}, 20'000},
    {"equal, share 20 %, 20,000 requests", 0.01, 0.01, 1, {0.2}, 20'000},
    {"equal, ramp 1 to 50 %, 20,000 requests", 0.01, 0.01, 1, kRamp, 20'000},
    {"errors 0.1 -> 0.5 %, share 10 %, 100,000", 0.001, 0.005, 1, {0.1}, 100'000},
    {"errors 1 -> 5 %, share 5 %, 20,000", 0.01, 0.05, 1, {0.05}, 20'000},
    {"errors 0.1 -> 20 %, share 5 %, 20,000", 0.001, 0.2, 1, {0.05}, 20'000},
    {"latency +10 %, share 10 %, 40,000", 0.001, 0.001, 1.1, {0.1}, 40'000},
    {"latency +20 %, share 10 %, 40,000", 0.001, 0.001, 1.2, {0.1}, 40'000},
    {"latency +50 %, share 10 %, 40,000", 0.001, 0.001, 1.5, {0.1}, 40'000},
};

bool is_equal(const Scenario& scenario) {
  return scenario.bad_stable == scenario.bad_canary && scenario.slower == 1;
}

// After how many requests the canary lost its traffic, by rule; 0: never.
struct Ends {
  int guard = 0;
  Rivals::Ends rivals;
};

Ends run(const Scenario& scenario, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform;
  std::normal_distribution<double> normal;
  GuardPlan plan;
  plan.arm = "canary";
  plan.failures_in_a_row = 0;
  plan.latency_slack_us = 0;
  ArmGuard guard(plan);
  Rivals rivals(scenario.requests);
  Ends ends;
  for (int i = 0; i < scenario.requests; ++i) {
    const auto step = static_cast<std::size_t>(i) * scenario.shares.size() /
                      static_cast<std::size_t>(scenario.requests);
    ArmGuard::Answer answer;
    answer.share = scenario.shares[step];
    answer.by_arm = uniform(random) < answer.share;
    answer.bad = uniform(random) < (answer.by_arm ? scenario.bad_canary : scenario.bad_stable);
    const double ms = std::exp(0.5 * normal(random)) * (answer.by_arm ? scenario.slower : 1);
    answer.latency_ns = static_cast<std::uint64_t>(ms * 1e6);
    if (ends.guard == 0) {
      guard.answered(answer);
      if (guard.tripped()) ends.guard = i + 1;
    }
    rivals.answered(answer.by_arm, answer.bad, ms);
  }
  ends.rivals = rivals.ends();
  return ends;
}

std::vector<Ends> run_all(const Scenario& scenario, std::size_t rollouts) {
  std::vector<Ends> ends(rollouts);
  const std::size_t threads = std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::jthread> workers;
  for (std::size_t t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      for (std::size_t i = t; i < ends.size(); i += threads) ends[i] = run(scenario, i + 1);
    });
  }
  workers.clear();
  return ends;
}

// The share that was rolled back, and after how many requests in the median of those.
template <class Of>
void print(const std::vector<Ends>& ends, Of of) {
  std::vector<int> times;
  for (const Ends& each : ends) {
    if (of(each) > 0) times.push_back(of(each));
  }
  const double rate = 100 * static_cast<double>(times.size()) / static_cast<double>(ends.size());
  if (times.empty()) {
    std::printf(" | %.2f %%", rate);
    return;
  }
  std::ranges::sort(times);
  std::printf(" | %.2f %% (%d)", rate, times[times.size() / 2]);
}

}  // namespace

int main(int argc, char** argv) {
  const auto rollouts = static_cast<std::size_t>(argc > 1 ? std::atoi(argv[1]) : 1000);
  std::printf("| canary | guard | one test at the end | the same, 60 looks | thresholds |\n");
  std::printf("|---|---|---|---|---|\n");
  for (const Scenario& scenario : kScenarios) {
    const auto ends = run_all(scenario, is_equal(scenario) ? 10 * rollouts : rollouts);
    std::printf("| %s", scenario.name);
    print(ends, [](const Ends& e) { return e.guard; });
    print(ends, [](const Ends& e) { return e.rivals.at_end; });
    print(ends, [](const Ends& e) { return e.rivals.peeking; });
    print(ends, [](const Ends& e) { return e.rivals.thresholds; });
    std::printf(" |\n");
    std::fflush(stdout);
  }
  return 0;
}
