#include "loadgen/arrival_schedule.h"

#include <cmath>
#include <limits>
#include <utility>

namespace mlops::loadgen {

ArrivalSchedule::ArrivalSchedule(Arrivals arrivals, double rate_per_s, std::uint64_t seed,
                                 std::int64_t start_ns)
    : arrivals_(arrivals),
      interval_ns_(1e9 / rate_per_s),
      start_(start_ns),
      random_(seed),
      next_(start_ns) {
  if (arrivals_ == Arrivals::kPoisson) advance();
}

ArrivalSchedule::ArrivalSchedule(std::vector<std::int64_t> trace, std::int64_t start_ns)
    : arrivals_(Arrivals::kTrace),
      interval_ns_(0),
      start_(start_ns),
      next_(start_ns + trace.front()),
      trace_(std::move(trace)) {}

// Written out rather than std::exponential_distribution, whose sequence differs between standard
// libraries.
double ArrivalSchedule::gap_ns() {
  const double uniform = static_cast<double>(random_() >> 11) * 0x1.0p-53;
  return -std::log1p(-uniform) * interval_ns_;
}

void ArrivalSchedule::advance() {
  ++index_;
  if (arrivals_ == Arrivals::kTrace) {
    next_ =
        index_ < trace_.size() ? start_ + trace_[index_] : std::numeric_limits<std::int64_t>::max();
    return;
  }
  if (arrivals_ == Arrivals::kConstant) {
    elapsed_ns_ =
        static_cast<double>(index_) * interval_ns_;  // from the index: no rounding accumulates
  } else {
    elapsed_ns_ += gap_ns();
  }
  next_ = start_ + static_cast<std::int64_t>(elapsed_ns_);
}

}  // namespace mlops::loadgen
