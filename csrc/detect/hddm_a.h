#pragma once
// HDDM_A: the mean of all values against the mean up to its best cut point, by Hoeffding's bound
// (Frías-Blanco and others 2014).

#include "detect/detector.h"
#include "detect/running_mean.h"

namespace mlops {

class HddmA {
 public:
  static constexpr Domain kDomain = Domain::unit;
  struct Options {
    double drift_confidence = 0.001;
    double warning_confidence = 0.005;
    bool two_sided = false;  // also means that fall
  };
  static Result<HddmA> make(Options options);

  Verdict update(double value);
  Verdict verdict() const { return verdict_; }
  void reset() { *this = HddmA(options_); }

 private:
  explicit HddmA(Options options);
  double bound(double n) const;
  // Whether the mean of all is above (sign 1) or below (sign -1) that of `cut` by more than chance.
  bool changed(const RunningMean& cut, double sign, double log_confidence) const;

  Options options_;
  double log_bound_;  // logarithms of what the options say, taken once
  double log_drift_;
  double log_warning_;
  Verdict verdict_ = Verdict::stable;
  RunningMean all_;
  RunningMean lowest_;   // all_ as it was at the best cut for a rise
  RunningMean highest_;  // and for a fall
};

}  // namespace mlops
