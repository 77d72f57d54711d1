#pragma once
// Serves a decoupled back end: a request is answered by any number of parts and then one empty
// answer. A few threads step all generations in turn, so neither a pause of the model nor a reader
// that has stopped reading holds a thread; what is unread is bounded by the door, what is in hand
// by `requests_max`.

#include <thread>

#include "engine/batch_run.h"
#include "engine/deadline_watch.h"
#include "engine/generation_queue.h"
#include "engine/scheduler.h"

namespace mlops {

class DecoupledScheduler final : public Scheduler {
 public:
  // Everything referred to outlives it.
  DecoupledScheduler(Backend& backend, const LaneContext& context, unsigned threads,
                     std::size_t requests_max, DeadlineWatch& watch);
  ~DecoupledScheduler() override;

  bool submit(const PendingRef& pending, TimePoint now) override;
  TimePoint expire(TimePoint now) override;
  bool drain(TimePoint deadline) override;
  void stop() override;
  void add_to(ModelStats& stats) const override;

 private:
  using TaskRef = GenerationQueue::TaskRef;

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
  const std::shared_ptr<GenerationQueue> queue_;
  std::vector<std::unique_ptr<LaneRecorder>> recorders_;  // one per thread
  std::vector<std::jthread> threads_;
};

}  // namespace mlops
