#include "detect/hddm_w.h"

namespace mlops {

Result<HddmW> HddmW::make(Options options) {
  if (Status s = check_between("drift_confidence", options.drift_confidence, 0, 1); !s.ok())
    return s;
  if (Status s = check_between("warning_confidence", options.warning_confidence, 0, 1); !s.ok())
    return s;
  if (options.warning_confidence < options.drift_confidence)
    return Status::invalid_argument("warning_confidence must not be less than drift_confidence");
  if (Status s = check_between("lambda", options.lambda, 0, 1); !s.ok()) return s;
  return HddmW(options);
}

HddmW::HddmW(Options options)
    : options_(options),
      log_drift_(std::log(1 / options.drift_confidence)),
      log_warning_(std::log(1 / options.warning_confidence)) {}

void HddmW::Sample::add(double value, double lambda) {
  mean = empty ? value : lambda * value + (1 - lambda) * mean;
  empty = false;
  weights_squared = lambda * lambda + ((1 - lambda) * (1 - lambda)) * weights_squared;
}

double HddmW::bound(double weights_squared, double log_confidence) const {
  return std::sqrt(weights_squared * log_confidence / 2);
}

bool HddmW::rose(const Sample& from, const Sample& to, double log_confidence) const {
  if (from.empty || to.empty) return false;
  return to.mean - from.mean > bound(from.weights_squared + to.weights_squared, log_confidence);
}

Verdict HddmW::update(double value) {
  if (verdict_ == Verdict::drift) reset();
  all_.add(value, options_.lambda);
  const double margin = bound(all_.weights_squared, log_drift_);
  if (all_.mean + margin < rise_cut_) {
    rise_cut_ = all_.mean + margin;
    before_rise_ = all_;
    after_rise_ = {};
  } else {
    after_rise_.add(value, options_.lambda);
  }
  if (all_.mean - margin > fall_cut_) {
    fall_cut_ = all_.mean - margin;
    before_fall_ = all_;
    after_fall_ = {};
  } else {
    after_fall_.add(value, options_.lambda);
  }
  const auto changed_at = [this](double log_confidence) {
    return rose(before_rise_, after_rise_, log_confidence) ||
           (options_.two_sided && rose(after_fall_, before_fall_, log_confidence));
  };
  verdict_ = changed_at(log_drift_)     ? Verdict::drift
             : changed_at(log_warning_) ? Verdict::warning
                                        : Verdict::stable;
  return verdict_;
}

}  // namespace mlops
