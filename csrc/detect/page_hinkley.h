#pragma once
// Page-Hinkley: the cumulated deviation from the mean, since its lowest (a rise) or highest point
// (a fall), with forgetting (Page 1954).

#include "detect/detector.h"
#include "detect/running_mean.h"

namespace mlops {

class PageHinkley {
 public:
  static constexpr Domain kDomain = Domain::finite;
  enum class Mode : std::uint8_t { up, down, both };
  struct Options {
    std::int64_t min_instances = 30;  // values before the first alarm
    double delta = 0.005;             // deviations of this size are tolerated
    double threshold = 50;
    double alpha = 1 - 0.0001;  // what the cumulated deviation keeps at each value
    Mode mode = Mode::both;
  };
  static Result<PageHinkley> make(Options options);

  Verdict update(double value);
  Verdict verdict() const { return verdict_; }
  void reset() { *this = PageHinkley(options_); }

 private:
  explicit PageHinkley(Options options) : options_(options) {}

  Options options_;
  Verdict verdict_ = Verdict::stable;
  RunningMean mean_;
  double rises_ = 0;
  double falls_ = 0;
  double lowest_ = HUGE_VAL;
  double highest_ = -HUGE_VAL;
};

}  // namespace mlops
