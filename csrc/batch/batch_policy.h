#pragma once
// When an idle lane takes a batch, and how much: a pure decision over plain numbers, so that every
// case is a line in a table test and no thread is needed to try one.

#include <cstdint>
#include <variant>
#include <vector>

#include "base/clock.h"

namespace mlops {

struct QueueFacts {
  std::int64_t rows_waiting = 0;    // in the bucket whose head is oldest
  TimePoint oldest_at{};            // when that head was queued
  bool more_may_come = true;        // false while draining: waiting would be pointless
  std::int64_t preferred_rows = 0;  // what BatchQueue says of BatchLimits::preferred
};

struct BatchLimits {
  std::int64_t rows_max = 1;
  Duration delay_max{0};  // how long the head may wait for company while a lane is idle
  // Sizes, ascending, that are worth taking before delay_max has passed. Without a delay nobody
  // waits for them and they mean nothing.
  std::vector<std::int64_t> preferred;
};

struct TakeRows {
  std::int64_t rows_max;
};
struct WaitUntil {
  TimePoint at;
};
using BatchDecision = std::variant<TakeRows, WaitUntil>;

// Work-conserving by default: with delay_max zero an idle lane never waits.
BatchDecision next_step(const QueueFacts& facts, TimePoint now, const BatchLimits& limits);

}  // namespace mlops
