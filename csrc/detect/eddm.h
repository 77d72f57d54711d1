#pragma once
// EDDM: errors that come closer together than they used to (Baena-García and others 2006).

#include "detect/detector.h"
#include "detect/running_mean.h"

namespace mlops {

class Eddm {
 public:
  static constexpr Domain kDomain = Domain::bit;
  struct Options {
    std::int64_t warm_start = 30;  // errors before the first verdict
    double alpha = 0.95;           // warns below this share of the longest distance seen
    double beta = 0.9;             // alarms below this
  };
  static Result<Eddm> make(Options options);

  Verdict update(double value);
  Verdict verdict() const { return verdict_; }
  void reset() { *this = Eddm(options_); }

 private:
  explicit Eddm(Options options) : options_(options) {}

  Options options_;
  Verdict verdict_ = Verdict::stable;
  RunningVariance distances_;  // between one error and the next
  std::int64_t n_ = 0;
  std::int64_t last_error_ = 0;
  double longest_ = -1;  // the greatest mean + 2 deviations
};

}  // namespace mlops
