#include "engine/sequence_scheduler.h"

#include <algorithm>

namespace mlops {
namespace {

// What runs when a version stops may finish; a model that computes for ever may not keep us.
constexpr auto kSequenceStopGrace = std::chrono::seconds(10);

std::size_t slot_count(const SequenceBatching& config, std::size_t rows, unsigned lanes) {
  if (config.strategy == SequenceBatching::Strategy::direct) return rows * lanes;
  const auto candidates = static_cast<std::size_t>(std::max(0, config.candidate_sequences_max));
  return std::max(candidates, rows) * lanes;
}

bool same_shapes(const Request& a, const Request& b) {
  return std::ranges::equal(a.inputs, b.inputs, [](const NamedTensor& x, const NamedTensor& y) {
    return x.name == y.name && x.tensor.shape == y.tensor.shape;
  });
}

std::shared_ptr<const ModelInfo> whole_model(const ModelInfo& client, const Signature& signature) {
  auto info = std::make_shared<ModelInfo>(client);
  info->signature = signature;
  return info;
}

}  // namespace

SequenceScheduler::SequenceScheduler(const SequenceBatching& config, SequencePlan&& plan,
                                     const LaneContext& context, const SequenceLimits& limits,
                                     bool by_row, DeadlineWatch& watch)
    : plan_(std::move(plan)),
      direct_(config.strategy == SequenceBatching::Strategy::direct),
      by_row_(by_row),
      context_(context),
      client_(context.info),
      watch_(watch),
      states_(limits.slots),
      slots_(limits) {}

Result<std::unique_ptr<SequenceScheduler>> SequenceScheduler::create(
    Backend& backend, const SequenceBatching& config, const LaneContext& context,
    const ServedModelOptions& options, DeadlineWatch& watch, LanePool& pool) {
  const ModelInfo& client = *context.info;
  Result<SequencePlan> plan = plan_sequences(config, backend.signature(), client.has_batch_axis);
  if (!plan.ok()) return plan.status();
  const std::size_t rows =
      client.batchable ? static_cast<std::size_t>(std::max<std::int64_t>(1, client.batch_rows_max))
                       : std::size_t{1};
  SequenceLimits limits;
  limits.slots = slot_count(config, rows, client.lanes);
  limits.requests_max = options.queue_requests_max;
  limits.idle_max = std::chrono::microseconds(config.idle_us_max);
  const bool by_row = backend.stateful() && config.strategy == SequenceBatching::Strategy::direct;
  const bool has_ready = std::ranges::any_of(plan->controls, [](const ControlTensor& control) {
    return control.kind == SequenceControl::Kind::ready;
  });
  if (by_row && rows > 1 && !has_ready) {
    return Status::invalid_argument(
        "sequence_batching: direct batches of this back end need a CONTROL_SEQUENCE_READY input, "
        "or "
        "rows without a request would change the state of their sequences");
  }
  std::unique_ptr<SequenceScheduler> made(
      new SequenceScheduler(config, *std::move(plan), context, limits, by_row, watch));
  made->rows_max_ = rows;
  made->context_.info = whole_model(client, backend.signature());
  made->context_.repeatable = !backend.stateful();
  if (Status s = made->add_lanes(backend, client.lanes); !s.ok()) return s;
  made->seat_ = pool.enter([self = made.get()] { return self->turn(); }, options.terms);
  return made;
}

SequenceScheduler::~SequenceScheduler() { stop(); }

Status SequenceScheduler::add_lanes(Backend& backend, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    Result<std::unique_ptr<Executor>> executor = backend.make_executor();
    if (!executor.ok()) return executor.status();
    lanes_.push_back(std::make_unique<Lane>());
    lanes_.back()->executor = *std::move(executor);
    if (context_.drift) {
      lanes_.back()->observer = std::make_unique<LaneObserver>(context_.drift, *context_.clock);
    }
  }
  busy_.assign(lanes_.size(), false);
  return {};
}

void SequenceScheduler::refuse(Pending& pending, Status why) {
  const Code code = why.code();
  context_.failures->add(pending.fail(std::move(why)) ? code : pending.outcome());
}

Status SequenceScheduler::check(const Request& request, const SequenceMark& mark) const {
  if (!mark.has_id()) {
    return Status::invalid_argument("inference request to model '" + client_->name +
                                    "' must specify a non-zero or non-empty correlation ID");
  }
  Resolved resolved;
  if (Status s = check_signature(request, plan_.client, resolved); !s.ok()) return s;
  if (client_->has_batch_axis) {
    const bool one_row = std::ranges::all_of(request.inputs, [](const NamedTensor& input) {
      return input.tensor.shape.rank() > 0 && input.tensor.shape[0] == 1;
    });
    if (!one_row) {
      return Status::invalid_argument(
          "inference request to model '" + client_->name +
          "' must specify batch-size 1 due to requirements of sequence batcher");
    }
  }
  for (const ControlTensor& control : plan_.controls) {
    if (control.kind != SequenceControl::Kind::correlation_id) continue;
    const Result<Tensor> id = correlation_tensor(control, mark.id);
    if (!id.ok()) return id.status();
  }
  return {};
}

bool SequenceScheduler::submit(const PendingRef& pending, TimePoint now) {
  pending->submitted_at = now;
  SequenceStep step{pending, sequence_mark(pending->request)};
  const TimePoint deadline = pending->request.deadline;
  Status why = deadline <= now
                   ? Status::deadline_exceeded("the deadline had passed when the request arrived")
                   : check(pending->request, step.mark);
  const std::string id = to_string(step.mark.id);
  if (why.ok()) {
    std::unique_lock lock(mutex_);
    if (!accepting_) return false;
    slots_.expire(now);
    switch (slots_.add(step, now)) {
      case SequenceSlots::Admission::taken:
        ask_pool_locked();
        lock.unlock();
        if (deadline != kNever) watch_.expect(deadline);
        return true;
      case SequenceSlots::Admission::not_started:
        why = Status::invalid_argument(
            "inference request for sequence " + id + " to model '" + client_->name +
            "' must specify the START flag on the first request of the sequence");
        break;
      case SequenceSlots::Admission::full:
        context_.failures->refused(Refusal::queue_full);
        why = refusal_status(Refusal::queue_full, client_->name);
        break;
    }
  }
  refuse(*pending, std::move(why));
  return true;
}

void SequenceScheduler::release_dropped(std::unique_lock<std::mutex>& lock) {
  std::vector<PendingRef> dropped = slots_.take_dropped();
  if (dropped.empty()) return;
  lock.unlock();
  for (const PendingRef& pending : dropped) {
    refuse(*pending, Status::cancelled("an earlier request of the sequence was not run"));
  }
  dropped.clear();
  lock.lock();
}

void SequenceScheduler::ask_pool_locked() {
  if (asked_) return;
  asked_ = true;
  seat_->ask();
}

bool SequenceScheduler::could_run_locked() const {
  for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
    if (!busy_[lane] && slots_.ready(direct_ ? lane : 0, direct_ ? lanes_.size() : 1)) return true;
  }
  return false;
}

// An idle lane, made busy, and what it is to run; in direct mode only it has those slots.
std::optional<std::size_t> SequenceScheduler::take_locked(std::vector<SequenceStep>& steps) {
  for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
    if (busy_[lane]) continue;
    slots_.take(direct_ ? lane : 0, direct_ ? lanes_.size() : 1, rows_max_, steps);
    if (steps.empty()) continue;
    busy_[lane] = true;
    return lane;
  }
  return std::nullopt;
}

// The pool's: one batch, if there is one to run. Says whether there is another.
bool SequenceScheduler::turn() {
  std::unique_lock lock(mutex_);
  asked_ = false;
  if (stopping_) return false;
  slots_.expire(context_.clock->now());
  std::vector<SequenceStep> steps;
  const std::optional<std::size_t> lane = take_locked(steps);
  release_dropped(lock);
  if (lane) {
    if (could_run_locked()) ask_pool_locked();  // others may help
    std::vector<std::size_t> taken;
    for (const SequenceStep& step : steps) taken.push_back(step.slot);
    lock.unlock();
    run(*lanes_[*lane], std::move(steps));
    lock.lock();
    const TimePoint now = context_.clock->now();
    for (const std::size_t slot : taken) slots_.finished(slot, now);
    busy_[*lane] = false;
    idle_.notify_all();
  }
  if (!accepting_ && slots_.waiting() + slots_.running() == 0) calm_.notify_all();
  if (stopping_) {
    if (slots_.running() == 0) calm_.notify_all();
    return false;
  }
  const TimePoint idle_at = slots_.expire(context_.clock->now());
  if (!could_run_locked()) {
    if (idle_at != kNever) seat_->ask_at(idle_at);
    return false;
  }
  if (asked_) return false;
  asked_ = true;
  return true;
}

// Rows whose shapes differ cannot share a run.
void SequenceScheduler::run(Lane& lane, std::vector<SequenceStep>&& steps) {
  std::vector<PendingRef> calls;
  for (SequenceStep& step : steps) {
    const std::size_t slot = step.slot;
    calls.push_back(
        make_ref<SequenceCall>(plan_, std::move(step), states_[slot], *context_.copies));
    calls.back()->claim();
  }
  while (!calls.empty()) {
    const Request& first = calls.front()->request;
    const auto others = std::stable_partition(
        calls.begin() + 1, calls.end(),
        [&](const PendingRef& call) { return same_shapes(first, call->request); });
    std::vector<PendingRef> group(std::make_move_iterator(calls.begin()),
                                  std::make_move_iterator(others));
    calls.erase(calls.begin(), others);
    run_group(lane, std::move(group));
  }
}

void SequenceScheduler::run_group(Lane& lane, std::vector<PendingRef>&& calls) {
  std::vector<Job> jobs;
  if (by_row_) {
    jobs = rows_by_slot(calls);
  } else {
    for (PendingRef& call : calls) jobs.emplace_back().pending = std::move(call);
  }
  for (Job& job : jobs) {
    const Status fits =
        check_signature(job.pending->request, context_.info->signature, job.resolved);
    // What clients send has been checked; the rest is ours, but for a state that grew.
    if (fits.ok()) continue;
    for (Job& failed : jobs) failed.pending->fail(Status(Code::internal, fits.message()));
    return;
  }
  run_batch(context_, lane, jobs, false);
}

// The row of a slot is always the same; rows below it that have nothing to run are there as well.
std::vector<Job> SequenceScheduler::rows_by_slot(const std::vector<PendingRef>& calls) const {
  const auto row_of = [this](const PendingRef& call) {
    return static_cast<const SequenceCall&>(*call).slot() / lanes_.size();
  };
  std::size_t rows = 0;
  for (const PendingRef& call : calls) rows = std::max(rows, row_of(call) + 1);
  std::vector<Job> jobs(rows);
  for (const PendingRef& call : calls) jobs[row_of(call)].pending = call;
  for (Job& job : jobs) {
    if (job.pending) continue;
    job.pending = make_idle_row(plan_, calls.front()->request);
    job.idle = true;
  }
  return jobs;
}

TimePoint SequenceScheduler::expire(TimePoint now) {
  std::unique_lock lock(mutex_);
  const std::vector<PendingRef> waiting = slots_.waiting_requests();
  lock.unlock();
  TimePoint next = kNever;
  bool expired = false;
  for (const PendingRef& pending : waiting) {
    const TimePoint deadline = pending->request.deadline;
    if (deadline > now) {
      next = std::min(next, deadline);
    } else {
      expired = true;
      pending->fail(Status::deadline_exceeded("the deadline passed before an answer was ready"));
    }
  }
  if (!expired) return next;
  lock.lock();
  ask_pool_locked();
  return next;
}

bool SequenceScheduler::drain(TimePoint deadline) {
  std::unique_lock lock(mutex_);
  accepting_ = false;
  ask_pool_locked();
  const auto calm = [this] { return slots_.waiting() + slots_.running() == 0; };
  if (deadline != kNever) return calm_.wait_until(lock, deadline, calm);
  calm_.wait(lock, calm);
  return true;
}

void SequenceScheduler::stop() {
  std::unique_lock lock(mutex_);
  accepting_ = false;
  stopping_ = true;
  const std::vector<PendingRef> left = slots_.take_all();
  lock.unlock();
  for (const PendingRef& pending : left) {
    refuse(*pending, Status::unavailable("the model is being unloaded"));
  }
  lock.lock();
  const auto calm = [this] { return slots_.running() == 0; };
  if (!calm_.wait_for(lock, kSequenceStopGrace, calm)) {
    for (const auto& lane : lanes_) lane->executor->interrupt();
    calm_.wait(lock, calm);
  }
  lock.unlock();
  if (seat_) seat_->leave();
}

// A lane that is borrowed is busy meanwhile; what comes then is looked at afterwards. A run that
// has answered is about to end, and is waited for: who was answered finds the row counted.
void SequenceScheduler::settle_drift() {
  if (!context_.drift) return;
  std::unique_lock lock(mutex_);
  for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
    const auto idle = [&] { return !busy_[lane]; };
    if (!idle_.wait_for(lock, kSettleWait, idle)) continue;  // it hands over by itself
    busy_[lane] = true;
    lock.unlock();
    lanes_[lane]->observer->settle();
    lock.lock();
    busy_[lane] = false;
    idle_.notify_all();
    ask_pool_locked();
  }
}

void SequenceScheduler::add_to(ModelStats& stats) const {
  for (const auto& lane : lanes_) {
    lane->recorder.add_to(stats);
    if (lane->observer) stats.drift = stats.drift.value_or(DriftCost{}) += lane->observer->cost();
  }
  stats.compute_ns = static_cast<std::uint64_t>(seat_->computed().count());
  const std::lock_guard lock(mutex_);
  stats.queued = slots_.waiting();
}

}  // namespace mlops
