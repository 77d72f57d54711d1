#include "engine/decoupled_scheduler.h"

#include <algorithm>
#include <utility>

#include "engine/make_response.h"

namespace mlops {
namespace {

// Steps of one generation before the others have their turn.
constexpr int kStepsPerTurn = 16;

// In the back end since the last part was sent.
std::uint64_t take_infer_ns(GenerationTask& task) {
  const Duration since = task.spent - std::exchange(task.told, task.spent);
  return static_cast<std::uint64_t>(since.count());
}

std::size_t rows_of(const LaneContext& context, const Tensor* first) {
  const bool by_rows = context.info->has_batch_axis && first && first->shape.rank() > 0;
  return by_rows ? static_cast<std::size_t>(first->shape[0]) : 1;
}

}  // namespace

DecoupledScheduler::DecoupledScheduler(Backend& backend, const LaneContext& context,
                                       const ServedModelOptions& options, DeadlineWatch& watch,
                                       LanePool& pool)
    : backend_(backend),
      context_(context),
      watch_(watch),
      seat_(pool.enter([this] { return turn(); }, options.terms)),
      queue_(std::make_shared<GenerationQueue>(
          options.queue_requests_max, [seat = seat_.get(), clock = context.clock](TimePoint at) {
            if (at > clock->now()) {
              seat->ask_at(at);
            } else {
              seat->ask();
            }
          })) {
  for (unsigned i = 0; i < options.lanes; ++i) {
    idle_.push_back(lanes_.emplace_back(std::make_unique<Lane>()).get());
    if (!context_.drift) continue;
    idle_.back()->observer = std::make_unique<LaneObserver>(context_.drift, *context_.clock);
  }
}

DecoupledScheduler::Lane* DecoupledScheduler::take_lane() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return nullptr;
  Lane* lane = idle_.back();
  idle_.pop_back();
  return lane;
}

// The pool's: a few steps of one generation. Says whether there is more to step.
bool DecoupledScheduler::turn() {
  Lane* lane = take_lane();
  if (!lane) return false;
  TaskRef task = queue_->next(context_.clock->now());
  const bool stepped = task != nullptr;
  if (stepped) advance(std::move(task), *lane);
  {
    const std::lock_guard lock(mutex_);
    idle_.push_back(lane);
    given_back_.notify_all();
  }
  // Another turn may have found no lane meanwhile, and left its work to this one.
  return stepped || queue_->has_ready();
}

DecoupledScheduler::~DecoupledScheduler() { stop(); }

void DecoupledScheduler::refuse(Pending& pending, Status why) {
  const Code code = why.code();
  context_.failures->add(pending.fail(std::move(why)) ? code : pending.outcome());
}

bool DecoupledScheduler::submit(const PendingRef& pending, TimePoint now) {
  pending->submitted_at = now;
  if (!pending->takes_parts()) {
    refuse(*pending, Status::unimplemented("this call doesn't support models with decoupled "
                                           "transaction policy, as model '" +
                                           context_.info->name + "' has"));
    return true;
  }
  auto task = make_ref<GenerationTask>(pending, queue_);
  Status checked =
      pending->request.deadline <= now
          ? Status::deadline_exceeded("the deadline had passed when the request arrived")
          : check_signature(pending->request, context_.info->signature, task->resolved);
  if (!checked.ok()) {
    refuse(*pending, std::move(checked));
    return true;
  }
  pending->decoupled = true;
  const TimePoint deadline = pending->request.deadline;
  const GenerationQueue::Admission admission = queue_->add(task);
  if (admission == GenerationQueue::Admission::closed) return false;
  if (admission == GenerationQueue::Admission::full) {
    context_.failures->refused(Refusal::queue_full);
    refuse(*pending, refusal_status(Refusal::queue_full, context_.info->name));
  } else if (deadline != kNever) {
    watch_.expect(deadline);
  }
  return true;
}

void DecoupledScheduler::advance(TaskRef task, Lane& lane) {
  if (!task->generation) {
    if (Status begun = begin(*task, lane); !begun.ok()) return fail(task, std::move(begun));
    if (!task->generation) return fail(task, {});
  }
  for (int i = 0; i < kStepsPerTurn; ++i) {
    if (!step(task, lane)) return;
  }
  queue_->again(std::move(task));
}

// Leaves no generation when the request was answered before its turn came.
Status DecoupledScheduler::begin(GenerationTask& task, Lane& lane) {
  if (!task.pending->claim()) return {};
  task.started_at = context_.clock->now();
  const Signature& signature = context_.info->signature;
  const Request& request = task.pending->request;
  for (std::size_t i = 0; i < signature.inputs.size(); ++i) {
    task.inputs.push_back(request.inputs[task.resolved.input(i)].tensor);
  }
  task.outputs.resize(signature.outputs.size());
  const bool all = lane.observer || task.resolved.outputs.empty();
  for (OutputSlot& slot : task.outputs) slot.wanted = all;
  for (const std::uint32_t index : task.resolved.outputs) task.outputs[index].wanted = true;
  Result<std::unique_ptr<Generation>> generation = backend_.generate(task.inputs);
  if (!generation.ok()) return generation.status();
  task.generation = *std::move(generation);
  if (lane.observer) {
    const std::size_t rows =
        rows_of(context_, task.inputs.empty() ? nullptr : &task.inputs.front());
    lane.observer->observe({task.inputs, {}, rows}, task.started_at);
    lane.observer->after_reply();
  }
  return {};
}

// False when the task has been given back to the queue.
bool DecoupledScheduler::step(const TaskRef& task, Lane& lane) {
  if (task->pending->done()) {
    fail(task, {});
    return false;
  }
  const TimePoint before = context_.clock->now();
  const Result<Generation::Step> step = task->generation->step(before, task->outputs);
  task->spent += context_.clock->now() - before;
  if (!step.ok()) {
    fail(task, step.status());
    return false;
  }
  switch (step->kind) {
    case Generation::Kind::part:
      return send_part(task, lane);
    case Generation::Kind::later:
      queue_->later(task, step->at);
      return false;
    case Generation::Kind::end:
      end(task, lane.recorder);
      return false;
  }
  return false;
}

// A part's rows.
void DecoupledScheduler::observe(const GenerationTask& task, Lane& lane) const {
  lane.observed.clear();
  for (const OutputSlot& slot : task.outputs) {
    lane.observed.push_back(slot.wanted ? &slot.tensor : nullptr);
  }
  const std::size_t rows =
      rows_of(context_, task.outputs.empty() ? nullptr : &task.outputs.front().tensor);
  lane.observer->observe({{}, lane.observed, rows}, context_.clock->now());
}

bool DecoupledScheduler::send_part(const TaskRef& task, Lane& lane) {
  const TimePoint before = context_.clock->now();
  if (lane.observer) observe(*task, lane);
  Response part;
  make_response(
      context_, task->pending->request, task->resolved,
      [&](std::size_t i) { return std::exchange(task->outputs[i].tensor, {}); }, part);
  const PartOutcome outcome = task->pending->send_part(std::move(part));
  if (outcome != PartOutcome::over) {
    responses_.success(task->parts++, take_infer_ns(*task),
                       elapsed_ns(before, context_.clock->now()));
  }
  if (lane.observer) lane.observer->after_reply();
  if (outcome == PartOutcome::full) queue_->park(task);
  if (outcome == PartOutcome::over) fail(task, {});
  return outcome == PartOutcome::more;
}

void DecoupledScheduler::end(const TaskRef& task, LaneRecorder& recorder) {
  Pending& pending = *task->pending;
  const TimePoint submitted = pending.submitted_at;
  const TimePoint now = context_.clock->now();
  Response last;
  start_response(context_, pending.request, last);
  if (pending.complete(std::move(last))) {
    recorder.success(elapsed_ns(submitted, now), elapsed_ns(submitted, task->started_at), 1);
    ExecutionTimes times;
    times.infer_ns = static_cast<std::uint64_t>(task->spent.count());
    recorder.execution(1, 1, times, false);
    responses_.empty(task->parts, take_infer_ns(*task));
  } else {
    responses_.failure(task->parts, pending.outcome(), take_infer_ns(*task));
    context_.failures->add(pending.outcome(), elapsed_ns(submitted, now));
  }
  queue_->finish(task);
}

// With an ok status: somebody else has answered.
void DecoupledScheduler::fail(const TaskRef& task, Status why) {
  const Code code = why.code();
  const TimePoint submitted = task->pending->submitted_at;
  const bool ours = code != Code::ok && task->pending->fail(std::move(why));
  const Code outcome = ours ? code : task->pending->outcome();
  context_.failures->add(outcome, elapsed_ns(submitted, context_.clock->now()));
  if (task->generation) responses_.failure(task->parts, outcome, take_infer_ns(*task));
  queue_->finish(task);
}

void DecoupledScheduler::settle_drift() {
  if (!context_.drift) return;
  std::unique_lock lock(mutex_);
  for (const auto& lane : lanes_) {
    const auto found = [&] { return std::ranges::find(idle_, lane.get()); };
    const auto idle = [&] { return found() != idle_.end(); };
    // A step that has answered is about to end: who was answered finds the rows counted.
    if (!given_back_.wait_for(lock, kSettleWait, idle)) continue;  // it hands over by itself
    idle_.erase(found());
    lock.unlock();
    lane->observer->settle();
    lock.lock();
    idle_.push_back(lane.get());
    given_back_.notify_all();
  }
  lock.unlock();
  seat_->ask();  // turns that found no lane meanwhile
}

void DecoupledScheduler::add_to(ModelStats& stats) const {
  for (const auto& lane : lanes_) {
    lane->recorder.add_to(stats);
    if (lane->observer) stats.drift = stats.drift.value_or(DriftCost{}) += lane->observer->cost();
  }
  responses_.add_to(stats.responses);
  stats.queued = queue_->size();
  stats.compute_ns = static_cast<std::uint64_t>(seat_->computed().count());
}

TimePoint DecoupledScheduler::expire(TimePoint now) {
  TimePoint next = kNever;
  for (const PendingRef& pending : queue_->requests()) {
    pending->decoupled = true;
    const TimePoint deadline = pending->request.deadline;
    if (deadline > now) {
      next = std::min(next, deadline);
    } else {
      pending->fail(
          Status::deadline_exceeded("the deadline passed before the answer was complete"));
    }
  }
  return next;
}

bool DecoupledScheduler::drain(TimePoint deadline) {
  queue_->close();
  return queue_->drain(deadline);
}

void DecoupledScheduler::stop() {
  queue_->close();
  for (const PendingRef& pending : queue_->requests()) {
    pending->fail(Status::unavailable("the model is being unloaded"));
  }
  // Answered tasks are given back by turns, which then find nothing more to do.
  queue_->drain(kNever);
  queue_->stop();
  seat_->leave();
}

}  // namespace mlops
