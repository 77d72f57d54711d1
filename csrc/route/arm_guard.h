#pragma once
// Watches an arm against stable, request by request, and takes its traffic away when it is worse:
// by the mean of its e-values (event_race.h) above 1/alpha, or by a hard stop. The road of requests
// reads one flag; so the way back is in force for the next request.
// Thread-safe; one short lock per answer, while an arm is guarded.

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "route/event_filter.h"
#include "route/event_race.h"
#include "route/guard_plan.h"

namespace mlops {

enum class GuardVerdict : std::uint8_t { warming_up, watching, no_worse, worse, stopped };
std::string_view guard_verdict_name(GuardVerdict verdict);

struct GuardMetricStatus {
  std::string_view name;
  double log_e = 0;           // that the arm is worse
  double log_e_no_worse = 0;  // that it is not, by the plan's margin
  std::uint64_t events = 0;
  std::uint64_t arm_events = 0;
  std::uint64_t threshold_ns = 0;  // of latencies; 0: not known yet, or none
};

struct GuardStatus {
  GuardPlan plan;
  GuardVerdict verdict = GuardVerdict::warming_up;
  std::string reason;  // of worse and stopped
  double log_e = 0;    // of all metrics together
  std::uint64_t arm_answers = 0;
  std::uint64_t stable_answers = 0;
  std::vector<GuardMetricStatus> metrics;
};

class ArmGuard {
 public:
  explicit ArmGuard(GuardPlan plan);

  struct Answer {
    bool by_arm = false;      // else by stable
    double share = 0;         // of the arm in both arms' requests, when it was assigned
    std::uint64_t unit = 0;   // 0: nobody in particular
    std::uint64_t batch = 0;  // 0: unknown
    bool bad = false;         // the server's failure, not the client's
    bool finite = true;       // no output had NaN or infinity
    bool timed = true;        // its latency means something: it was computed, not remembered
    std::uint64_t latency_ns = 0;
  };
  void answered(const Answer& answer) noexcept;

  // The arm's traffic goes to stable.
  bool tripped() const { return tripped_.load(std::memory_order_relaxed); }
  const GuardPlan& plan() const { return plan_; }
  GuardStatus status() const;

 private:
  static constexpr std::size_t kLatencies = 3;
  static constexpr std::size_t kFirstWindow = 200;  // control's answers before latencies count
  static constexpr std::size_t kWindow = 2000;
  struct Metric {
    EventRace worse = EventRace::worse();
    EventRace no_worse;
  };

  bool warmed_up_locked(const Answer& answer);
  void count_locked(const Answer& answer);
  void event_locked(std::size_t metric, const Answer& answer);
  std::uint64_t limit_ns(std::uint64_t threshold_ns, bool by_arm) const;
  void learn_latency_locked(std::uint64_t latency_ns);
  void hard_stops_locked(const Answer& answer);
  void judge_locked();
  double log_e_locked() const;
  void end_locked(GuardVerdict verdict, std::string reason);

  const GuardPlan plan_;
  std::atomic<bool> tripped_{false};
  mutable std::mutex mutex_;  // guards what follows
  GuardVerdict verdict_ = GuardVerdict::warming_up;
  std::string reason_;
  std::uint64_t arm_answers_ = 0;
  std::uint64_t stable_answers_ = 0;
  std::uint32_t arm_warmed_ = 0;  // answers that were computed, up to the plan's warm-up
  std::uint32_t stable_warmed_ = 0;
  std::uint32_t failures_in_a_row_ = 0;
  bool stable_was_not_finite_ = false;
  std::vector<Metric> metrics_;  // errors, then latencies above control's quantiles
  std::array<std::uint64_t, kLatencies> thresholds_ns_{};
  std::vector<std::uint64_t> window_;
  EventFilter filter_;
};

}  // namespace mlops
