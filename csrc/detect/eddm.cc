#include "detect/eddm.h"

namespace mlops {

Result<Eddm> Eddm::make(Options options) {
  if (Status s = check_at_least("warm_start", options.warm_start, 1); !s.ok()) return s;
  if (Status s = check_between("alpha", options.alpha, 0, 1); !s.ok()) return s;
  if (Status s = check_between("beta", options.beta, 0, 1); !s.ok()) return s;
  if (options.alpha < options.beta)
    return Status::invalid_argument("alpha must not be less than beta");
  return Eddm(options);
}

Verdict Eddm::update(double value) {
  if (verdict_ == Verdict::drift) reset();
  ++n_;
  if (value == 0) return verdict_;
  distances_.add(static_cast<double>(n_ - last_error_));
  last_error_ = n_;
  if (n_ <= options_.warm_start) return verdict_;
  const double reach = distances_.mean.mean + 2 * std::sqrt(distances_.variance());
  if (reach > longest_) {
    longest_ = reach;
  } else if (distances_.mean.n > static_cast<double>(options_.warm_start)) {
    const double level = reach / longest_;
    verdict_ = level < options_.beta    ? Verdict::drift
               : level < options_.alpha ? Verdict::warning
                                        : Verdict::stable;
  }
  return verdict_;
}

}  // namespace mlops
