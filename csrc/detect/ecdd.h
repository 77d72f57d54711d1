#pragma once
// ECDD: an exponentially weighted error rate above the long-run one, by a control limit that gives
// a known average run length at every error rate (Ross and others 2012).

#include "detect/detector.h"
#include "detect/running_mean.h"

namespace mlops {

class Ecdd {
 public:
  static constexpr Domain kDomain = Domain::bit;
  struct Options {
    double lambda = 0.2;  // the weight of the newest value; the limits were fitted for 0.2
    std::int64_t average_run_length = 400;  // values between false alarms: 100 or 400
    double warning_level = 0.5;             // share of the limit
    std::int64_t min_instances = 30;
  };
  static Result<Ecdd> make(Options options);

  Verdict update(double value);
  Verdict verdict() const { return verdict_; }
  void reset() { *this = Ecdd(options_); }

 private:
  explicit Ecdd(Options options) : options_(options) {}
  double control_limit(double rate) const;

  Options options_;
  Verdict verdict_ = Verdict::stable;
  RunningMean rate_;
  double recent_ = 0;
  double unsettled_ = 1;  // (1 - lambda)^(2 n): how much of the start is left
};

}  // namespace mlops
