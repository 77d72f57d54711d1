#include "batch/batch_policy.h"

namespace mlops {

BatchDecision next_step(const QueueFacts& facts, TimePoint now, const BatchLimits& limits) {
  const TimePoint give_up = facts.oldest_at + limits.delay_max;
  if (!facts.more_may_come || now >= give_up) return TakeRows{limits.rows_max};
  if (facts.preferred_rows > 0) return TakeRows{facts.preferred_rows};
  if (facts.rows_waiting >= limits.rows_max) return TakeRows{limits.rows_max};
  return WaitUntil{give_up};
}

}  // namespace mlops
