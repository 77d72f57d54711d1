#include "detect/page_hinkley.h"

#include <algorithm>

namespace mlops {

Result<PageHinkley> PageHinkley::make(Options options) {
  if (Status s = check_at_least("min_instances", options.min_instances, 1); !s.ok()) return s;
  if (!(options.delta >= 0) || options.delta == HUGE_VAL)
    return Status::invalid_argument("delta must be a finite number, not negative");
  if (Status s = check_between("threshold", options.threshold, 0, HUGE_VAL); !s.ok()) return s;
  if (!(options.alpha > 0 && options.alpha <= 1))
    return Status::invalid_argument("alpha must be above 0 and at most 1");
  return PageHinkley(options);
}

Verdict PageHinkley::update(double value) {
  if (verdict_ == Verdict::drift) reset();
  mean_.add(value);
  const double deviation = value - mean_.mean;
  rises_ = options_.alpha * rises_ + deviation - options_.delta;
  falls_ = options_.alpha * falls_ + deviation + options_.delta;
  lowest_ = std::min(lowest_, rises_);
  highest_ = std::max(highest_, falls_);
  if (mean_.n < static_cast<double>(options_.min_instances)) return verdict_;
  const bool rose = options_.mode != Mode::down && rises_ - lowest_ > options_.threshold;
  const bool fell = options_.mode != Mode::up && highest_ - falls_ > options_.threshold;
  return verdict_ = rose || fell ? Verdict::drift : Verdict::stable;
}

}  // namespace mlops
