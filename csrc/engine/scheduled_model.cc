#include "engine/scheduled_model.h"

#include "engine/blocking_call.h"
#include "engine/decoupled_scheduler.h"
#include "engine/sequence_scheduler.h"

namespace mlops {

ScheduledModel::ScheduledModel(std::unique_ptr<Backend> backend, LaneContext context)
    : backend_(std::move(backend)), context_(std::move(context)) {
  context_.failures = &failures_;
}

Result<std::shared_ptr<ScheduledModel>> ScheduledModel::create(std::unique_ptr<Backend> backend,
                                                               LaneContext context,
                                                               const ServedModelOptions& options,
                                                               DeadlineWatch& watch,
                                                               LanePool& pool) {
  std::shared_ptr<ScheduledModel> model(new ScheduledModel(std::move(backend), std::move(context)));
  if (Status s = model->start(options, watch, pool); !s.ok()) return s;
  return model;
}

Status ScheduledModel::start(const ServedModelOptions& options, DeadlineWatch& watch,
                             LanePool& pool) {
  weight_ = options.terms.weight;
  if (!backend_->decoupled()) {
    Result<std::unique_ptr<SequenceScheduler>> made =
        SequenceScheduler::create(*backend_, *options.sequences, context_, options, watch, pool);
    if (made.ok()) scheduler_ = *std::move(made);
    return made.status();
  }
  if (options.sequences) {
    return Status::unimplemented("a decoupled model cannot have sequence_batching");
  }
  scheduler_ = std::make_unique<DecoupledScheduler>(*backend_, context_, options, watch, pool);
  return {};
}

void ScheduledModel::stop() {
  if (scheduler_) scheduler_->stop();
}

bool ScheduledModel::infer(Request& request, TimePoint now, Response& response) {
  auto call = make_ref<BlockingCall>(std::move(request));
  const bool taken = scheduler_->submit(call, now);
  if (taken) {
    response = call->wait();
  } else {
    request = std::move(call->request);
  }
  return taken;
}

bool ScheduledModel::submit(const PendingRef& pending, TimePoint now) {
  return scheduler_->submit(pending, now);
}

bool ScheduledModel::submit_turn(std::span<PendingRef> turn, TimePoint now) {
  for (PendingRef& pending : turn) {
    if (!scheduler_->submit(pending, now)) return false;
    pending = nullptr;
  }
  return true;
}

ModelStats ScheduledModel::stats() const {
  ModelStats stats;
  failures_.add_to(stats);
  scheduler_->add_to(stats);
  stats.name = info().name;
  stats.version = info().version;
  stats.compute_weight = weight_;
  return stats;
}

}  // namespace mlops
