#include "detect/stepd.h"

#include <algorithm>

namespace mlops {
namespace {

// The z above which a normal variable lies with probability `tail`, by bisection: once per object.
double normal_quantile(double tail) {
  double low = -40, high = 40;
  for (int i = 0; i < 200; ++i) {
    const double middle = (low + high) / 2;
    (0.5 * std::erfc(middle / std::sqrt(2.0)) > tail ? low : high) = middle;
  }
  return high;
}

}  // namespace

Result<Stepd> Stepd::make(Options options) {
  if (Status s = check_between("alpha_drift", options.alpha_drift, 0, 1); !s.ok()) return s;
  if (Status s = check_between("alpha_warning", options.alpha_warning, 0, 1); !s.ok()) return s;
  if (options.alpha_warning <= options.alpha_drift)
    return Status::invalid_argument("alpha_warning must be greater than alpha_drift");
  if (Status s = check_at_least("window", options.window, 1); !s.ok()) return s;
  if (options.window > kWindowMax)
    return Status::invalid_argument("window must be at most " + std::to_string(kWindowMax));
  return Stepd(options);
}

Stepd::Stepd(Options options)
    : options_(options),
      drift_above_(normal_quantile(options.alpha_drift)),
      warning_above_(normal_quantile(options.alpha_warning)),
      recent_(static_cast<std::size_t>(options.window), 0) {}

void Stepd::reset() {
  std::fill(recent_.begin(), recent_.end(), std::uint8_t{0});
  at_ = 0;
  n_ = errors_ = recent_errors_ = 0;
  verdict_ = Verdict::stable;
}

double Stepd::statistic() const {
  const double window = static_cast<double>(options_.window);
  const double before = static_cast<double>(n_) - window;
  const double rate = static_cast<double>(errors_) / static_cast<double>(n_);
  if (rate == 0 || rate == 1) return 0;  // nothing differs
  const double difference = static_cast<double>(recent_errors_) / window -
                            static_cast<double>(errors_ - recent_errors_) / before;
  if (!options_.two_sided && difference < 0) return 0;
  const double inverse = 1 / before + 1 / window;
  const double corrected = std::abs(difference) - 0.5 * inverse;
  // A difference smaller than its own continuity correction is none.
  return corrected <= 0 ? 0 : corrected / std::sqrt(rate * (1 - rate) * inverse);
}

Verdict Stepd::update(double value) {
  if (verdict_ == Verdict::drift) reset();
  const std::uint8_t error = value != 0;
  ++n_;
  errors_ += error;
  recent_errors_ += error - recent_[at_];
  recent_[at_] = error;
  at_ = at_ + 1 == recent_.size() ? 0 : at_ + 1;
  if (n_ < 2 * options_.window) return verdict_;
  const double z = statistic();
  return verdict_ = z > drift_above_     ? Verdict::drift
                    : z > warning_above_ ? Verdict::warning
                                         : Verdict::stable;
}

}  // namespace mlops
