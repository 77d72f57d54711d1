#pragma once
// How requests of a version reach its back end when plain batching will not do: answers in parts
// (decoupled_scheduler.h), sequences (sequence_scheduler.h). See scheduled_model.h.
// Thread-safe.

#include "base/clock.h"
#include "engine/stats.h"
#include "request/pending.h"

namespace mlops {

// How long a reader of drift counts waits for a run that is under way.
inline constexpr auto kSettleWait = std::chrono::milliseconds(500);

class Scheduler {
 public:
  virtual ~Scheduler() = default;
  // Answers the request now or later; false when the version winds down and took nothing.
  virtual bool submit(const PendingRef& pending, TimePoint now) = 0;
  // Answers what has passed its deadline; returns the earliest one left.
  virtual TimePoint expire(TimePoint now) = 0;
  // Takes no more, waits until `deadline` for what it has; true when nothing is left.
  virtual bool drain(TimePoint deadline) = 0;
  // Fails what is left and joins its threads. Idempotent.
  virtual void stop() = 0;
  virtual void add_to(ModelStats& stats) const = 0;
  // Lets every lane that is idle hand over what it has counted for drift.
  virtual void settle_drift() = 0;
};

}  // namespace mlops
