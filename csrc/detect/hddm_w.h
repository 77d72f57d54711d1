#pragma once
// HDDM_W: as HDDM_A, but means that forget exponentially, by McDiarmid's bound (Frías-Blanco and
// others 2014).

#include "detect/detector.h"

namespace mlops {

class HddmW {
 public:
  static constexpr Domain kDomain = Domain::unit;
  struct Options {
    double drift_confidence = 0.001;
    double warning_confidence = 0.005;
    double lambda = 0.05;    // the weight of the newest value
    bool two_sided = false;  // also means that fall
  };
  static Result<HddmW> make(Options options);

  Verdict update(double value);
  Verdict verdict() const { return verdict_; }
  void reset() { *this = HddmW(options_); }

 private:
  struct Sample {
    double mean = 0;
    double weights_squared = 1;  // the sum of squares of the values' weights
    bool empty = true;
    void add(double value, double lambda);
  };

  explicit HddmW(Options options);
  double bound(double weights_squared, double log_confidence) const;
  bool rose(const Sample& from, const Sample& to, double log_confidence) const;

  Options options_;
  double log_drift_;
  double log_warning_;
  Verdict verdict_ = Verdict::stable;
  Sample all_;
  Sample before_rise_, after_rise_;
  Sample before_fall_, after_fall_;
  double rise_cut_ = HUGE_VAL;
  double fall_cut_ = -HUGE_VAL;
};

}  // namespace mlops
