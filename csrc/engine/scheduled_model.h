#pragma once
// A version whose requests a Scheduler brings to its back end: decoupled models and models that
// keep state. Thread-safe.

#include <memory>

#include "engine/deadline_watch.h"
#include "engine/scheduler.h"
#include "engine/servable.h"
#include "engine/served_model.h"

namespace mlops {

class ScheduledModel final : public Servable {
 public:
  // Of a decoupled back end, or with `options.sequences`. `context.failures` is filled in here;
  // everything else in it outlives the model.
  static Result<std::shared_ptr<ScheduledModel>> create(std::unique_ptr<Backend> backend,
                                                        LaneContext context,
                                                        const ServedModelOptions& options,
                                                        DeadlineWatch& watch, LanePool& pool);
  ~ScheduledModel() override { stop(); }

  const ModelInfo& info() const override { return *context_.info; }
  ModelStats stats() const override;
  bool infer(Request& request, TimePoint now, Response& response) override;
  bool submit(const PendingRef& pending, TimePoint now) override;
  bool submit_turn(std::span<PendingRef> turn, TimePoint now) override;
  TimePoint expire(TimePoint now) override { return scheduler_->expire(now); }
  bool drain(TimePoint deadline) override { return scheduler_->drain(deadline); }
  void stop() override;
  DriftObserver* drift() override { return context_.drift.get(); }
  void settle_drift() override { scheduler_->settle_drift(); }

 private:
  ScheduledModel(std::unique_ptr<Backend> backend, LaneContext context);
  Status start(const ServedModelOptions& options, DeadlineWatch& watch, LanePool& pool);

  const std::unique_ptr<Backend> backend_;
  FailureRecorder failures_;
  LaneContext context_;
  double weight_ = 1;
  std::unique_ptr<Scheduler> scheduler_;
};

}  // namespace mlops
