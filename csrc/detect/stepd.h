#pragma once
// STEPD: the error rate of a recent window against that of everything before it, by a test of
// equal proportions (Nishida and Yamauchi 2007).

#include "detect/detector.h"

namespace mlops {

class Stepd {
 public:
  static constexpr Domain kDomain = Domain::bit;
  static constexpr std::int64_t kWindowMax = 1 << 20;
  struct Options {
    double alpha_drift = 0.003;
    double alpha_warning = 0.05;
    std::int64_t window = 30;  // the first verdict comes when twice as many were seen
    bool two_sided = true;     // also when the recent window is better
  };
  static Result<Stepd> make(Options options);

  Verdict update(double value);
  Verdict verdict() const { return verdict_; }
  void reset();

 private:
  explicit Stepd(Options options);
  double statistic() const;

  Options options_;
  double drift_above_;  // the normal quantiles of the two levels
  double warning_above_;
  Verdict verdict_ = Verdict::stable;
  std::vector<std::uint8_t> recent_;
  std::size_t at_ = 0;
  std::int64_t n_ = 0;
  std::int64_t errors_ = 0;
  std::int64_t recent_errors_ = 0;
};

}  // namespace mlops
