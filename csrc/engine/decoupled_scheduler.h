#pragma once
// Serves a decoupled back end: a request is answered by any number of parts and then one empty
// answer. Turns of the pool step all generations, a few at a time, so neither a pause of the model
// nor a reader that has stopped reading holds a thread; what is unread is bounded by the door, what
// is in hand by `requests_max`.

#include <condition_variable>
#include <mutex>

#include "engine/batch_run.h"
#include "engine/deadline_watch.h"
#include "engine/generation_queue.h"
#include "engine/lane_pool.h"
#include "engine/response_table.h"
#include "engine/scheduler.h"
#include "engine/served_model.h"

namespace mlops {

class DecoupledScheduler final : public Scheduler {
 public:
  // Everything referred to outlives it.
  DecoupledScheduler(Backend& backend, const LaneContext& context,
                     const ServedModelOptions& options, DeadlineWatch& watch, LanePool& pool);
  ~DecoupledScheduler() override;

  bool submit(const PendingRef& pending, TimePoint now) override;
  TimePoint expire(TimePoint now) override;
  bool drain(TimePoint deadline) override;
  void stop() override;
  void add_to(ModelStats& stats) const override;
  void settle_drift() override;

 private:
  using TaskRef = GenerationQueue::TaskRef;

  // What whoever steps a generation writes to.
  struct Lane {
    LaneRecorder recorder;
    std::unique_ptr<LaneObserver> observer;  // null: rows are not watched
    std::vector<const Tensor*> observed;     // outputs, null where there is none
  };

  Lane* take_lane();
  bool turn();
  void advance(TaskRef task, Lane& lane);
  Status begin(GenerationTask& task, Lane& lane);
  bool step(const TaskRef& task, Lane& lane);
  void observe(const GenerationTask& task, Lane& lane) const;
  bool send_part(const TaskRef& task, Lane& lane);
  void end(const TaskRef& task, LaneRecorder& recorder);
  void fail(const TaskRef& task, Status why);
  void refuse(Pending& pending, Status why);

  Backend& backend_;
  const LaneContext& context_;
  DeadlineWatch& watch_;
  std::unique_ptr<LanePool::Seat> seat_;  // before the queue, which wakes it
  const std::shared_ptr<GenerationQueue> queue_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  ResponseTable responses_;
  std::mutex mutex_;
  std::condition_variable given_back_;  // a lane is idle
  std::vector<Lane*> idle_;             // guarded by mutex_
};

}  // namespace mlops
