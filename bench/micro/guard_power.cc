// mlops-guard-power [rollouts]: what guards do to simulated canaries, looked at after every
// request: how many are rolled back, and after how many requests. Latencies are lognormal, sigma
// 0.5; units are new each time. The first rows are of equal versions: what they lose is the false
// alarm rate.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>
#include <vector>

#include "route/arm_guard.h"

namespace {

using namespace mlops;

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
    {"equal, share 5 %", 0.01, 0.01, 1, {0.05}, 20'000},
    {"equal, share 20 %", 0.01, 0.01, 1, {0.2}, 20'000},
    {"equal, ramp 1 to 50 %", 0.01, 0.01, 1, kRamp, 20'000},
    {"errors 0.1 -> 0.5 %, share 10 %", 0.001, 0.005, 1, {0.1}, 100'000},
    {"errors 1 -> 5 %, share 5 %", 0.01, 0.05, 1, {0.05}, 20'000},
    {"errors 0.1 -> 20 %, share 5 %", 0.001, 0.2, 1, {0.05}, 20'000},
    {"latency +10 %, share 10 %", 0.001, 0.001, 1.1, {0.1}, 40'000},
    {"latency +20 %, share 10 %", 0.001, 0.001, 1.2, {0.1}, 40'000},
    {"latency +50 %, share 10 %", 0.001, 0.001, 1.5, {0.1}, 40'000},
};

// After how many requests the canary lost its traffic; 0: never.
int run(const Scenario& scenario, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform;
  std::normal_distribution<double> normal;
  GuardPlan plan;
  plan.arm = "canary";
  plan.failures_in_a_row = 0;
  ArmGuard guard(plan);
  for (int i = 0; i < scenario.requests; ++i) {
    const auto step = static_cast<std::size_t>(i) * scenario.shares.size() /
                      static_cast<std::size_t>(scenario.requests);
    ArmGuard::Answer answer;
    answer.share = scenario.shares[step];
    answer.by_arm = uniform(random) < answer.share;
    answer.bad = uniform(random) < (answer.by_arm ? scenario.bad_canary : scenario.bad_stable);
    const double ms = std::exp(0.5 * normal(random)) * (answer.by_arm ? scenario.slower : 1);
    answer.latency_ns = static_cast<std::uint64_t>(ms * 1e6);
    guard.answered(answer);
    if (guard.tripped()) return i + 1;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const int rollouts = argc > 1 ? std::atoi(argv[1]) : 1000;
  std::printf("%-34s %9s %14s %14s\n", "alpha 0.01", "rolled", "median", "of which the");
  std::printf("%-34s %9s %14s %14s\n", "", "back", "requests", "canary's");
  for (const Scenario& scenario : kScenarios) {
    std::vector<int> ends(static_cast<std::size_t>(rollouts));
    {
      const std::size_t threads = std::max(1U, std::thread::hardware_concurrency());
      std::vector<std::jthread> workers;
      for (std::size_t t = 0; t < threads; ++t) {
        workers.emplace_back([&, t] {
          for (std::size_t i = t; i < ends.size(); i += threads) ends[i] = run(scenario, i + 1);
        });
      }
    }
    std::erase(ends, 0);
    std::ranges::sort(ends);
    const double rate = static_cast<double>(ends.size()) / rollouts;
    if (ends.empty()) {
      std::printf("%-34s %9.4f\n", scenario.name, rate);
      continue;
    }
    const int median = ends[ends.size() / 2];
    const double canary = scenario.shares.size() == 1 ? median * scenario.shares[0] : NAN;
    std::printf("%-34s %9.4f %14d %14.0f\n", scenario.name, rate, median, canary);
  }
  return 0;
}
