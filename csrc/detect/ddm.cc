#include "detect/ddm.h"

#include <algorithm>

namespace mlops {

Result<Ddm> Ddm::make(Options options) {
  if (Status s = check_at_least("warm_start", options.warm_start, 1); !s.ok()) return s;
  if (Status s = check_between("warning_threshold", options.warning_threshold, 0, HUGE_VAL);
      !s.ok())
    return s;
  if (Status s = check_between("drift_threshold", options.drift_threshold, 0, HUGE_VAL); !s.ok())
    return s;
  return Ddm(options);
}

Verdict Ddm::update(double value) {
  if (verdict_ == Verdict::drift) reset();
  errors_.add(value);
  if (errors_.n <= static_cast<double>(options_.warm_start)) return verdict_ = Verdict::stable;
  const double rate = errors_.mean;
  const double deviation = std::sqrt(std::max(0.0, rate * (1 - rate)) / errors_.n);
  if (rate + deviation <= lowest_) {
    lowest_rate_ = rate;
    lowest_deviation_ = deviation;
    lowest_ = rate + deviation;
  }
  const double level = rate + deviation;
  if (level > lowest_rate_ + options_.drift_threshold * lowest_deviation_)
    return verdict_ = Verdict::drift;
  if (level > lowest_rate_ + options_.warning_threshold * lowest_deviation_)
    return verdict_ = Verdict::warning;
  return verdict_ = Verdict::stable;
}

}  // namespace mlops
