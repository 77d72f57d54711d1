#pragma once
// What counting may cost: a share of the time that passes on a lane, whatever that time goes to.
// Learns what copying and folding a row take and how much time there is for one, and says how many
// rows to leave out so that the mean stays within the share. One owner at a time. docs/adr/0058.

#include <cstdint>

#include "base/clock.h"

namespace mlops {

class CountBudget {
 public:
  // At first the clock is read so often, for what a reading takes: it is no part of the cost.
  static constexpr int kClockReadings = 32;

  CountBudget(double share_max, const Clock& clock);

  // Whether the batch that comes next is to be timed: the first ones, then one in 64.
  bool times_next() { return calls_++ < kEachOfFirst || calls_ % kOneIn == 0; }
  // A batch was copied, begun at `start`. Returns the estimate for all batches that this one stands
  // for.
  std::uint64_t staged(TimePoint start, std::uint64_t rows);
  // A tile was folded, begun at `start`. What it took.
  std::uint64_t folded(TimePoint start, std::uint64_t rows);

  // After a fold: `rows` have come so far, counted or not, the last of them at `now`. How many of
  // the next ones to leave out on average, in whole tiles' worth; 0 as long as too little is known.
  std::uint64_t left_out_mean(std::uint64_t rows, TimePoint now);

 private:
  static constexpr std::uint64_t kEachOfFirst = 64;
  static constexpr std::uint64_t kOneIn = 64;

  std::uint64_t spent_since(TimePoint start) const;
  void learn_cost(double& mean, double seen) const;

  const double share_max_;
  const Clock& clock_;
  std::uint64_t reading_ns_ = 0;
  std::uint64_t calls_ = 0;
  std::uint64_t folds_ = 0;
  // Batches timed since the last fold: one alone takes hardly longer than a look at the clock.
  std::uint64_t timed_ns_ = 0;
  std::uint64_t timed_rows_ = 0;
  // Nanoseconds a row, running means.
  double stage_ns_ = 0;
  double fold_ns_ = 0;
  double there_is_ns_ = 0;
  // At the last fold.
  std::uint64_t rows_before_ = 0;
  TimePoint before_{};
};

}  // namespace mlops
