#pragma once
// DDM: an error rate that rises by more than chance above its lowest point (Gama and others 2004).

#include "detect/detector.h"
#include "detect/running_mean.h"

namespace mlops {

class Ddm {
 public:
  static constexpr Domain kDomain = Domain::unit;
  struct Options {
    std::int64_t warm_start = 30;  // values before the first verdict
    double warning_threshold = 2;  // standard deviations of the lowest point
    double drift_threshold = 3;
  };
  static Result<Ddm> make(Options options);

  Verdict update(double value);
  Verdict verdict() const { return verdict_; }
  void reset() { *this = Ddm(options_); }

 private:
  explicit Ddm(Options options) : options_(options) {}

  Options options_;
  Verdict verdict_ = Verdict::stable;
  RunningMean errors_;
  double lowest_rate_ = 0;
  double lowest_deviation_ = 0;
  double lowest_ = HUGE_VAL;  // the sum of the two
};

}  // namespace mlops
