#pragma once
// Rules that guards are compared with, over the same requests:
// - one test at the end: at 1 %, errors by a two-proportion z and mean latencies by Welch's, either
//   of them at half;
// - the same, looked at 60 times on the way;
// - thresholds, as canary tools have them: every 1,000 requests the canary's error rate must be 5 %
//   at most and its 99 % quantile 1.5 times what is normal; five checks that fail take it back.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace mlops::micro {

class Rivals {
 public:
  // After how many requests each takes the canary back; 0: never.
  struct Ends {
    int at_end = 0;
    int peeking = 0;
    int thresholds = 0;
  };

  explicit Rivals(int requests) : requests_(requests), look_(std::max(1, requests / kLooks)) {}

  void answered(bool by_canary, bool bad, double ms) {
    ++seen_;
    Sums& sums = by_canary ? canary_ : stable_;
    ++sums.count;
    sums.bad += bad ? 1 : 0;
    sums.ms += ms;
    sums.ms2 += ms * ms;
    if (by_canary) {
      interval_ms_.push_back(ms);
      interval_bad_ += bad ? 1 : 0;
    }
    if (seen_ % kInterval == 0) check_interval();
    if (seen_ % look_ == 0 && ends_.peeking == 0 && is_worse()) ends_.peeking = seen_;
    if (seen_ == requests_ && is_worse()) ends_.at_end = seen_;
  }

  const Ends& ends() const { return ends_; }

 private:
  static constexpr int kLooks = 60;
  static constexpr int kInterval = 1000;
  static constexpr int kFailures = 5;
  static constexpr double kHalfOfOnePercent = 2.5758;  // one-sided
  static constexpr double kNormalP99 = 3.2002;         // of the lognormal: exp(0.5 * 2.3263)
  struct Sums {
    double count = 0, bad = 0, ms = 0, ms2 = 0;
    double mean() const { return ms / count; }
    double variance() const { return (ms2 - ms * ms / count) / (count - 1); }
  };

  bool is_worse() const {
    if (canary_.count < 2 || stable_.count < 2) return false;
    const double pooled = (canary_.bad + stable_.bad) / (canary_.count + stable_.count);
    const double error = pooled * (1 - pooled) * (1 / canary_.count + 1 / stable_.count);
    const double gap = canary_.bad / canary_.count - stable_.bad / stable_.count;
    if (error > 0 && gap / std::sqrt(error) > kHalfOfOnePercent) return true;
    const double spread = canary_.variance() / canary_.count + stable_.variance() / stable_.count;
    return (canary_.mean() - stable_.mean()) / std::sqrt(spread) > kHalfOfOnePercent;
  }

  void check_interval() {
    const auto count = static_cast<double>(interval_ms_.size());
    if (count > 0 && ends_.thresholds == 0) {
      const auto rank = static_cast<std::ptrdiff_t>(0.99 * count);
      std::nth_element(interval_ms_.begin(), interval_ms_.begin() + rank, interval_ms_.end());
      const bool slow = interval_ms_[static_cast<std::size_t>(rank)] > 1.5 * kNormalP99;
      failures_ += slow || interval_bad_ / count > 0.05 ? 1 : 0;
      if (failures_ == kFailures) ends_.thresholds = seen_;
    }
    interval_ms_.clear();
    interval_bad_ = 0;
  }

  const int requests_;
  const int look_;
  int seen_ = 0;
  int failures_ = 0;
  Sums canary_;
  Sums stable_;
  std::vector<double> interval_ms_;  // the canary's
  double interval_bad_ = 0;
  Ends ends_;
};

}  // namespace mlops::micro
