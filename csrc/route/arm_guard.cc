#include "route/arm_guard.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace mlops {
namespace {

constexpr std::array<std::string_view, 4> kMetricNames = {"errors", "latency_p50", "latency_p90",
                                                          "latency_p99"};
constexpr std::array<double, 3> kQuantiles = {0.5, 0.9, 0.99};
// Batches are units of their own kinds.
constexpr std::uint32_t kBatchKind = 1U << 16;

std::string evidence(double log_e, double alpha) {
  char text[96];
  std::snprintf(text, sizeof text, "it is worse than stable: log e-value %.2f, above %.2f", log_e,
                std::log(1 / alpha));
  return text;
}

}  // namespace

std::string_view guard_verdict_name(GuardVerdict verdict) {
  constexpr std::array<std::string_view, 5> kNames = {"warming_up", "watching", "no_worse", "worse",
                                                      "stopped"};
  return kNames[static_cast<std::size_t>(verdict)];
}

ArmGuard::ArmGuard(GuardPlan plan) : plan_(std::move(plan)) {
  for (std::size_t i = 0; i < kMetricNames.size(); ++i) {
    metrics_.push_back({EventRace::worse(), EventRace::no_worse_than(plan_.margin)});
  }
  window_.reserve(kWindow);
}

void ArmGuard::answered(const Answer& answer) noexcept {
  const std::lock_guard lock(mutex_);
  if (verdict_ == GuardVerdict::worse || verdict_ == GuardVerdict::stopped) return;
  hard_stops_locked(answer);
  ++(answer.by_arm ? arm_answers_ : stable_answers_);
  if (verdict_ == GuardVerdict::warming_up) {
    if (warmed_up_locked(answer)) verdict_ = GuardVerdict::watching;
  } else if (verdict_ != GuardVerdict::stopped) {
    count_locked(answer);
  }
}

// What is remembered warms nothing.
bool ArmGuard::warmed_up_locked(const Answer& answer) {
  std::uint32_t& warmed = answer.by_arm ? arm_warmed_ : stable_warmed_;
  if (answer.timed && warmed < plan_.warm_up) ++warmed;
  return std::min(arm_warmed_, stable_warmed_) >= plan_.warm_up;
}

// No statistics: what no share of luck explains.
void ArmGuard::hard_stops_locked(const Answer& answer) {
  if (!answer.by_arm) {
    stable_was_not_finite_ = stable_was_not_finite_ || !answer.finite;
    return;
  }
  failures_in_a_row_ = answer.bad ? failures_in_a_row_ + 1 : 0;
  if (plan_.failures_in_a_row > 0 && failures_in_a_row_ >= plan_.failures_in_a_row) {
    end_locked(GuardVerdict::stopped, std::to_string(failures_in_a_row_) + " failures in a row");
  } else if (!answer.finite && !stable_was_not_finite_) {
    end_locked(GuardVerdict::stopped, "an output is not finite, and none of stable's was");
  }
}

// A latency of control's is an event above the threshold, one of the arm's above what is allowed
// for the threshold. If the arm's latencies are no larger than what is allowed for control's, its
// events are no likelier: the null hypothesis of the race, with the tolerance in it.
std::uint64_t ArmGuard::limit_ns(std::uint64_t threshold_ns, bool by_arm) const {
  if (!by_arm) return threshold_ns;
  const double relative = static_cast<double>(threshold_ns) * plan_.latency_tolerance;
  return threshold_ns + static_cast<std::uint64_t>(relative) +
         std::uint64_t{plan_.latency_slack_us} * 1000;
}

// Thresholds are control's past: fixed before this answer is known.
void ArmGuard::count_locked(const Answer& answer) {
  bool any = false;
  if (answer.bad) {
    event_locked(0, answer);
    any = true;
  } else if (answer.timed) {
    for (std::size_t i = 0; i < kLatencies; ++i) {
      const std::uint64_t limit = limit_ns(thresholds_ns_[i], answer.by_arm);
      if (thresholds_ns_[i] == 0 || answer.latency_ns <= limit) continue;
      event_locked(1 + i, answer);
      any = true;
    }
    if (!answer.by_arm) learn_latency_locked(answer.latency_ns);
  }
  if (any) judge_locked();
}

void ArmGuard::event_locked(std::size_t metric, const Answer& answer) {
  const auto kind = static_cast<std::uint32_t>(metric);
  // Both are asked, so that both remember.
  const bool new_unit = filter_.first(answer.unit, kind);
  const bool new_batch = filter_.first(answer.batch, kBatchKind + kind);
  if (!new_unit || !new_batch) return;
  metrics_[metric].worse.add(answer.share, answer.by_arm);
  metrics_[metric].no_worse.add(answer.share, answer.by_arm);
}

void ArmGuard::learn_latency_locked(std::uint64_t latency_ns) {
  window_.push_back(latency_ns);
  const bool first = thresholds_ns_[0] == 0;
  if (window_.size() < (first ? kFirstWindow : kWindow)) return;
  std::ranges::sort(window_);
  for (std::size_t i = 0; i < kLatencies; ++i) {
    const auto rank = static_cast<std::size_t>(kQuantiles[i] * static_cast<double>(window_.size()));
    thresholds_ns_[i] = std::max<std::uint64_t>(1, window_[std::min(rank, window_.size() - 1)]);
  }
  window_.clear();
}

void ArmGuard::judge_locked() {
  const double enough = std::log(1 / plan_.alpha);
  // No mean is above its greatest: nearly always that is all there is to know.
  const bool any = std::ranges::any_of(
      metrics_, [&](const Metric& metric) { return metric.worse.may_reach(enough); });
  if (any && log_e_locked() >= enough) {
    end_locked(GuardVerdict::worse, evidence(log_e_locked(), plan_.alpha));
  } else if (verdict_ == GuardVerdict::watching &&
             std::ranges::all_of(metrics_, [&](const Metric& metric) {
               return metric.no_worse.may_reach(enough) && metric.no_worse.log_e() >= enough;
             })) {
    verdict_ = GuardVerdict::no_worse;  // so far: it is watched on
  }
}

// Of all metrics together.
double ArmGuard::log_e_locked() const {
  std::array<double, kMetricNames.size()> logs;
  for (std::size_t i = 0; i < metrics_.size(); ++i) logs[i] = metrics_[i].worse.log_e();
  return log_mean_e(logs.data(), logs.size());
}

void ArmGuard::end_locked(GuardVerdict verdict, std::string reason) {
  verdict_ = verdict;
  reason_ = std::move(reason);
  if (plan_.automatic) tripped_.store(true, std::memory_order_relaxed);
}

GuardStatus ArmGuard::status() const {
  const std::lock_guard lock(mutex_);
  GuardStatus status{plan_, verdict_, reason_, log_e_locked(), arm_answers_, stable_answers_, {}};
  for (std::size_t i = 0; i < metrics_.size(); ++i) {
    const Metric& metric = metrics_[i];
    status.metrics.push_back({kMetricNames[i], metric.worse.log_e(), metric.no_worse.log_e(),
                              metric.worse.events(), metric.worse.canary_events(),
                              i == 0 ? 0 : thresholds_ns_[i - 1]});
  }
  return status;
}

}  // namespace mlops
