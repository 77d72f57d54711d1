#include "detect/kswin.h"

#include <algorithm>

#include "detect/ks_two_sample.h"

namespace mlops {
namespace {

// The law is fixed, so the test's level becomes a number of steps once, and no test needs a p.
std::int64_t least_alarming(const Kswin::Options& options) {
  const std::int64_t n = options.stat_size;
  std::int64_t steps = 1;
  while (steps <= n &&
         (ks_tail(n, steps) > options.alpha ||
          static_cast<double>(steps) / static_cast<double>(n) <= options.min_distance))
    ++steps;
  return steps;  // n + 1: never
}

}  // namespace

Result<Kswin> Kswin::make(Options options) {
  if (Status s = check_between("alpha", options.alpha, 0, 1); !s.ok()) return s;
  if (Status s = check_at_least("stat_size", options.stat_size, 1); !s.ok()) return s;
  if (options.stat_size > kStatSizeMax)
    return Status::invalid_argument("stat_size must be at most " + std::to_string(kStatSizeMax));
  // The sample of the older part is as large as the recent part.
  if (Status s = check_at_least("window_size", options.window_size, 2 * options.stat_size); !s.ok())
    return s;
  if (options.window_size > kWindowMax)
    return Status::invalid_argument("window_size must be at most " + std::to_string(kWindowMax));
  if (!(options.min_distance >= 0 && options.min_distance < 1))
    return Status::invalid_argument("min_distance must be at least 0 and below 1");
  return Kswin(options);
}

Kswin::Kswin(Options options)
    : options_(options),
      alarm_steps_(least_alarming(options)),
      random_(options.seed),
      ring_(static_cast<std::size_t>(options.window_size)),
      old_(static_cast<std::size_t>(options.stat_size)),
      recent_(old_.size()),
      drawn_(old_.size()),
      scratch_(ring_.size()) {}

void Kswin::reset() {
  random_.reseed(options_.seed);
  at_ = 0;
  full_ = false;
  verdict_ = Verdict::stable;
}

bool Kswin::halves_differ() {
  const std::size_t size = ring_.size(), older = size - recent_.size();
  const auto nth = [&](std::size_t i) {  // oldest first
    const std::size_t at = at_ + i;
    return ring_[at < size ? at : at - size];
  };
  random_.sample(static_cast<std::uint32_t>(older), drawn_, scratch_);
  for (std::size_t i = 0; i < drawn_.size(); ++i) old_[i] = nth(drawn_[i]);
  for (std::size_t i = 0; i < recent_.size(); ++i) recent_[i] = nth(older + i);
  std::sort(old_.begin(), old_.end());
  std::sort(recent_.begin(), recent_.end());
  return ks_steps(old_, recent_) >= alarm_steps_;
}

Verdict Kswin::update(double value) {
  if (verdict_ == Verdict::drift) reset();
  ring_[at_] = value;
  if (++at_ == ring_.size()) {
    at_ = 0;
    full_ = true;
  }
  return verdict_ = full_ && halves_differ() ? Verdict::drift : Verdict::stable;
}

}  // namespace mlops
