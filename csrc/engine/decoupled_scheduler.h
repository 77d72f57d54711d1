#pragma once
// Serves a decoupled back end: a request is answered by any number of parts and then one empty
// answer. Turns of the pool step all generations, a few at a time, so neither a pause of the model
// nor a reader that has stopped reading holds a thread; what is unread is bounded by the door, what
// is in hand by `requests_max`.

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

 private:
  using TaskRef = GenerationQueue::TaskRef;

  LaneRecorder* take_recorder();
  bool turn();
  void advance(TaskRef task, LaneRecorder& recorder);
  Status begin(GenerationTask& task);
  bool step(const TaskRef& task, LaneRecorder& recorder);
  bool send_part(const TaskRef& task);
  void end(const TaskRef& task, LaneRecorder& recorder);
  void fail(const TaskRef& task, Status why);
  void refuse(Pending& pending, Status why);

  Backend& backend_;
  const LaneContext& context_;
  DeadlineWatch& watch_;
  std::unique_ptr<LanePool::Seat> seat_;  // before the queue, which wakes it
  const std::shared_ptr<GenerationQueue> queue_;
  std::vector<std::unique_ptr<LaneRecorder>> recorders_;  // one per lane
  ResponseTable responses_;
  std::mutex mutex_;
  std::vector<LaneRecorder*> idle_;  // guarded by mutex_
};

}  // namespace mlops
