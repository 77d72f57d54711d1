#pragma once
// Whether requests of different lengths had better share a run, the shorter ones padded, or run
// apart: what a run costs, by length and rows, as learned from recent runs.
//
// Padding wastes what it adds and saves what a run costs whatever its size: where runs of a few
// rows cost as much as runs of one it pays, where cost follows the number of tokens it does not.
// What was never tried is not known, so a small share of the time goes into trials. Pure
// bookkeeping; not thread-safe: the owner's lock guards it.

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <utility>

#include "base/clock.h"

namespace mlops {

// Rows that wait, all of one length.
struct WaitingLength {
  std::int64_t length = 0;
  std::int64_t rows = 0;
};

struct LengthRange {
  std::int64_t shortest = 0;
  std::int64_t longest = 0;
  bool contains(std::int64_t length) const { return shortest <= length && length <= longest; }
};

class LengthCosts {
 public:
  // A run of rows that were, or were padded to be, so long.
  void ran(std::int64_t length, std::int64_t rows, Duration took, TimePoint now);

  // What such a run takes; zero when nothing is known.
  Duration of(std::int64_t length, std::int64_t rows, TimePoint now) const;

  // Of what waits, by length, ascending: which lengths the next run takes. waiting[oldest] is among
  // them; alone where that is better. Nothing is padded to more than twice its length.
  LengthRange choose(std::span<const WaitingLength> waiting, std::size_t oldest,
                     std::int64_t rows_max, TimePoint now);

 private:
  // By length, four classes from one power of two to the next, and by rows, powers of two: bounded
  // whatever clients send.
  using Place = std::pair<std::size_t, std::size_t>;
  struct Cell {
    double ns_per_token = 0;
    TimePoint last_at{};
  };
  bool try_something(Duration costs);

  std::map<Place, Cell> cells_;
  double credit_ns_ = 0;        // time that trials may take
  Duration trial_expected_{0};  // of a trial that has not ended; zero: there is none
};

}  // namespace mlops
