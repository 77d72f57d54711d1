#include "detect/hddm_a.h"

namespace mlops {

Result<HddmA> HddmA::make(Options options) {
  if (Status s = check_between("drift_confidence", options.drift_confidence, 0, 1); !s.ok())
    return s;
  if (Status s = check_between("warning_confidence", options.warning_confidence, 0, 1); !s.ok())
    return s;
  if (options.warning_confidence < options.drift_confidence)
    return Status::invalid_argument("warning_confidence must not be less than drift_confidence");
  return HddmA(options);
}

HddmA::HddmA(Options options)
    : options_(options),
      log_bound_(std::log(1.0 / options.drift_confidence)),
      log_drift_(std::log(2.0 / options.drift_confidence)),
      log_warning_(std::log(2.0 / options.warning_confidence)) {}

double HddmA::bound(double n) const { return std::sqrt(1.0 / (2 * n) * log_bound_); }

bool HddmA::changed(const RunningMean& cut, double sign, double log_confidence) const {
  if (cut.n == all_.n) return false;
  const double m = (all_.n - cut.n) / cut.n * (1.0 / all_.n);
  return sign * (all_.mean - cut.mean) >= std::sqrt(m / 2 * log_confidence);
}

Verdict HddmA::update(double value) {
  if (verdict_ == Verdict::drift) reset();
  all_.add(value);
  if (lowest_.n == 0) lowest_ = highest_ = all_;
  const double all_bound = bound(all_.n);
  if (lowest_.mean + bound(lowest_.n) >= all_.mean + all_bound) lowest_ = all_;
  if (highest_.mean - bound(highest_.n) <= all_.mean - all_bound) highest_ = all_;
  const auto changed_at = [this](double log_confidence) {
    return changed(lowest_, 1, log_confidence) ||
           (options_.two_sided && changed(highest_, -1, log_confidence));
  };
  verdict_ = changed_at(log_drift_)     ? Verdict::drift
             : changed_at(log_warning_) ? Verdict::warning
                                        : Verdict::stable;
  return verdict_;
}

}  // namespace mlops
