#pragma once
// Serves a model that keeps state between requests. Which sequence may run where is
// batch/sequence_slots.h's; here are the lanes that run what may.
//
// direct: a sequence has one row of one lane to itself, so a back end may keep its state by row;
// rows without a request are run as "not ready". oldest: whatever sequences have waited longest
// share a batch on any lane, and the back end, or the engine (implicit state), keeps their states
// apart.
//
// Thread-safe. Lock: mutex_ guards the slots; it is never held while a model runs or a reply is
// delivered, and is taken before the pool's.

#include <condition_variable>
#include <mutex>
#include <optional>

#include "engine/batch_run.h"
#include "engine/deadline_watch.h"
#include "engine/lane_pool.h"
#include "engine/scheduler.h"
#include "engine/sequence_call.h"
#include "engine/served_model.h"

namespace mlops {

class SequenceScheduler final : public Scheduler {
 public:
  // `context.info` is what clients see. Everything else in it, and the back end, outlives this.
  static Result<std::unique_ptr<SequenceScheduler>> create(Backend& backend,
                                                           const SequenceBatching& config,
                                                           const LaneContext& context,
                                                           const ServedModelOptions& options,
                                                           DeadlineWatch& watch, LanePool& pool);
  ~SequenceScheduler() override;

  bool submit(const PendingRef& pending, TimePoint now) override;
  TimePoint expire(TimePoint now) override;
  bool drain(TimePoint deadline) override;
  void stop() override;
  void add_to(ModelStats& stats) const override;
  void settle_drift() override;

 private:
  SequenceScheduler(const SequenceBatching& config, SequencePlan&& plan, const LaneContext& context,
                    const SequenceLimits& limits, bool by_row, DeadlineWatch& watch);
  Status add_lanes(Backend& backend, unsigned count);
  Status check(const Request& request, const SequenceMark& mark) const;
  bool turn();
  std::optional<std::size_t> take_locked(std::vector<SequenceStep>& steps);
  bool could_run_locked() const;
  void ask_pool_locked();
  void run(Lane& lane, std::vector<SequenceStep>&& steps);
  void run_group(Lane& lane, std::vector<PendingRef>&& calls);
  std::vector<Job> rows_by_slot(const std::vector<PendingRef>& calls) const;
  void release_dropped(std::unique_lock<std::mutex>& lock);
  void refuse(Pending& pending, Status why);

  const SequencePlan plan_;
  const bool direct_;
  const bool by_row_;    // the back end keeps its state by row
  LaneContext context_;  // of the whole model, controls and states included
  std::shared_ptr<const ModelInfo> client_;
  std::size_t rows_max_ = 1;
  DeadlineWatch& watch_;
  std::vector<SequenceStates> states_;  // by slot; of whoever runs it

  mutable std::mutex mutex_;
  std::condition_variable calm_;
  std::condition_variable idle_;  // a lane is not busy any more
  SequenceSlots slots_;           // guarded by mutex_
  bool accepting_ = true;         // guarded by mutex_
  bool stopping_ = false;         // guarded by mutex_
  bool asked_ = false;            // guarded by mutex_: a turn will look at the slots after this
  std::vector<bool> busy_;        // guarded by mutex_; by lane
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::unique_ptr<LanePool::Seat> seat_;
};

}  // namespace mlops
