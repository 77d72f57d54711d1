#include "observe/count_budget.h"

#include <algorithm>
#include <limits>

#include "observe/fold_kernel.h"

namespace mlops {
namespace {

constexpr std::uint64_t kFoldsToLearn = 4;  // before anything is left out
constexpr double kLeftOutMax = 63;          // tiles in a row, on average

// An eighth of the way towards what was just seen, of which an interruption is no part.
double towards(double mean, double seen) {
  return mean > 0 ? mean + (std::min(seen, 4 * mean) - mean) / 8 : seen;
}

}  // namespace

CountBudget::CountBudget(double share_max, const Clock& clock)
    : share_max_(share_max), clock_(clock) {
  reading_ns_ = std::numeric_limits<std::uint64_t>::max();
  for (int i = 0; i < kClockReadings; i += 2) {
    const TimePoint first = clock.now();
    reading_ns_ = std::min(reading_ns_, elapsed_ns(first, clock.now()));
  }
}

std::uint64_t CountBudget::spent_since(TimePoint start) const {
  const std::uint64_t spent = elapsed_ns(start, clock_.now());
  return spent - std::min(spent, reading_ns_);
}

// Other threads only ever make something take longer, so the way down is short. Of the first tiles
// the least counts at once: they find caches cold, and what they took would leave rows out for
// long.
void CountBudget::learn_cost(double& mean, double seen) const {
  if (folds_ < kFoldsToLearn) {
    mean = mean > 0 ? std::min(mean, seen) : seen;
  } else {
    mean = seen < mean ? (mean + seen) / 2 : towards(mean, seen);
  }
}

std::uint64_t CountBudget::staged(TimePoint start, std::uint64_t rows) {
  const std::uint64_t spent = spent_since(start);
  timed_ns_ += spent;
  timed_rows_ += rows;
  return calls_ <= kEachOfFirst ? spent : spent * kOneIn;
}

std::uint64_t CountBudget::folded(TimePoint start, std::uint64_t rows) {
  const std::uint64_t spent = spent_since(start);
  learn_cost(fold_ns_, static_cast<double>(spent) / static_cast<double>(rows));
  if (timed_rows_ > 0) {
    learn_cost(stage_ns_, static_cast<double>(timed_ns_) / static_cast<double>(timed_rows_));
    timed_ns_ = 0;
    timed_rows_ = 0;
  }
  ++folds_;
  return spent;
}

std::uint64_t CountBudget::left_out_mean(std::uint64_t rows, TimePoint now) {
  const std::uint64_t since = rows - rows_before_;
  const double passed = static_cast<double>(elapsed_ns(before_, now));
  if (folds_ > 1 && since > 0) {
    there_is_ns_ = towards(there_is_ns_, passed / static_cast<double>(since));
  }
  rows_before_ = rows;
  before_ = now;
  if (folds_ < kFoldsToLearn) return 0;
  const double cost = stage_ns_ + fold_ns_;
  const double may = share_max_ * there_is_ns_;
  if (cost <= may) return 0;
  const double tiles = may > 0 ? std::min(cost / may - 1, kLeftOutMax) : kLeftOutMax;
  return static_cast<std::uint64_t>(tiles * static_cast<double>(kTileRows));
}

}  // namespace mlops
