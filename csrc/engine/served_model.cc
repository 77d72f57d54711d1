#include "engine/served_model.h"

#include <algorithm>

#include "base/lent_vector.h"
#include "engine/blocking_call.h"

namespace mlops {
namespace {

// Each thread counts on from a number of its own, so that nothing is shared.
std::uint64_t next_batch_id() {
  static std::atomic<std::uint64_t> threads{0};
  thread_local std::uint64_t last = (threads.fetch_add(1, std::memory_order_relaxed) + 1) << 40;
  return ++last;
}

// How many batches an event loop runs before it looks at its sockets again.
constexpr int kInlineBatchesPerTurn = 4;

// What runs when a version stops may finish; a graph that loops for ever may not keep us.
constexpr auto kStopGrace = std::chrono::seconds(10);

std::int64_t total_rows(std::span<const Job> jobs) {
  std::int64_t rows = 0;
  for (const Job& job : jobs) rows += job.rows;
  return rows;
}

Status stopped() { return Status::unavailable("the model is being unloaded"); }

}  // namespace

ServedModel::ServedModel(std::unique_ptr<Backend> backend, LaneContext context,
                         const ServedModelOptions& options, DeadlineWatch& watch)
    : backend_(std::move(backend)),
      context_(std::move(context)),
      options_(options),
      watch_(watch),
      expected_run_ns_(options.expected_run.count()),
      queue_(options.queue_requests_max, options.policy) {
  context_.failures = &failures_;
  if (options.limits.slo_p99_us > 0) {
    objective_.emplace(ObjectiveOptions{std::chrono::microseconds(options.limits.slo_p99_us),
                                        options.expected_run, options.batch.rows_max});
  } else if (options.batch.preferred.empty() && options.batch.rows_max > 1) {
    sizes_.emplace(options.batch.rows_max);
    if (options.padding && options.batch.delay_max == Duration{0}) lengths_.emplace();
  }
}

Result<std::shared_ptr<ServedModel>> ServedModel::create(std::unique_ptr<Backend> backend,
                                                         LaneContext context,
                                                         const ServedModelOptions& options,
                                                         DeadlineWatch& watch, LanePool& pool) {
  std::shared_ptr<ServedModel> model(
      new ServedModel(std::move(backend), std::move(context), options, watch));
  if (Status s = model->add_lanes(options.lanes); !s.ok()) return s;
  model->seat_ = pool.enter([made = model.get()] { return made->lane_turn(); }, options.terms);
  return model;
}

ServedModel::~ServedModel() { stop(); }

Status ServedModel::add_lanes(unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    Result<std::unique_ptr<Executor>> executor = backend_->make_executor();
    if (!executor.ok()) return executor.status();
    lanes_.push_back(std::make_unique<Lane>());
    lanes_.back()->executor = *std::move(executor);
    if (context_.drift) {
      lanes_.back()->observer = std::make_unique<LaneObserver>(context_.drift, *context_.clock);
    }
    if (context_.feedback) {
      lanes_.back()->notes = std::make_unique<PredictionNotes>(context_.feedback);
    }
    idle_.push_back(lanes_.back().get());
  }
  return {};
}

bool ServedModel::fast() const {
  return expected_run_ns_.load(std::memory_order_relaxed) <= options_.inline_run_max.count();
}

Lane* ServedModel::take_idle_locked() {
  if (idle_.empty()) return nullptr;
  Lane* lane = idle_.back();  // the most recently used: its memory is still in the cache
  idle_.pop_back();
  return lane;
}

void ServedModel::give_back_locked(Lane* lane) {
  lane->input_bytes = 0;
  lane->free_at = {};
  idle_.push_back(lane);
  if (queue_.empty() && !accepting_) calm_.notify_all();
}

void ServedModel::ask_pool_locked() {
  if (asked_ || !could_run_locked()) return;
  asked_ = true;
  seat_->ask();
}

// False when nothing should run now; then `wait_until` says when to look again (kNever: when told).
bool ServedModel::take_batch_locked(Lane& lane, TimePoint now, TimePoint& wait_until) {
  wait_until = kNever;
  if (objective_) now = context_.clock->now();  // its turn may have begun some batches ago
  while (auto facts = queue_.facts(now)) {
    facts->more_may_come = accepting_;
    const std::vector<std::int64_t>& preferred = options_.batch.preferred;
    if (!preferred.empty()) facts->preferred_rows = queue_.preferred_rows(preferred);
    const BatchDecision decision = next_step(*facts, now, options_.batch);
    if (const auto* wait = std::get_if<WaitUntil>(&decision)) {
      wait_until = wait->at;
      return false;
    }
    std::int64_t rows_max = std::get<TakeRows>(decision).rows_max;
    if (objective_) {
      rows_max = std::min(rows_max, objective_->rows_max(queue_.next_bucket(), now));
    }
    // Long runs: beside them the search costs nothing. A batch that waited for company is whole.
    if (sizes_ && !fast() && options_.batch.delay_max == Duration{0}) {
      rows_max = std::min(rows_max, sizes_->next(queue_.next_bucket(), facts->rows_waiting));
    }
    if (!take_lengths_locked(lane, now)) queue_.take(rows_max, lane.batch);
    if (lane.batch.empty()) continue;
    if (objective_) {
      expect_run_locked(lane, lane.batch.front().bucket, total_rows(lane.batch), now);
    }
    if (options_.limits.input_bytes_max > 0) {
      for (const Job& job : lane.batch) lane.input_bytes += job.input_bytes;
    }
    return true;
  }
  return false;
}

void ServedModel::expect_run_locked(Lane& lane, const BucketKey& bucket, std::int64_t rows,
                                    TimePoint now) {
  lane.free_at = now + objective_->run_time(bucket, rows, now);
}

void ServedModel::learn_run_locked(std::span<const Job> jobs, TimePoint began) {
  const TimePoint now = context_.clock->now();
  objective_->ran(jobs.front().bucket, total_rows(jobs), Duration(now - began), now);
  TimePoint oldest = began;
  for (const Job& job : jobs) {
    if (job.pending) oldest = std::min(oldest, job.pending->submitted_at);
  }
  objective_->answered(now - oldest);
}

// Runs lane.batch without the lock and gives the lane back with it.
void ServedModel::run_taken(Lane& lane, std::unique_lock<std::mutex>& lock, bool inline_run) {
  if (!inline_run) ask_pool_locked();  // others may help; an inline run is over sooner
  release_dropped(lock);  // counted before this lane is idle, and so before drain() ends
  lock.unlock();
  const TimePoint began = objective_ ? context_.clock->now() : TimePoint();
  lane.batch_id = next_batch_id();
  const Duration spent = run_batch(context_, lane, lane.batch, inline_run);
  // An eighth of the way towards what was just seen; races between lanes only blur an estimate.
  const std::int64_t known = expected_run_ns_.load(std::memory_order_relaxed);
  expected_run_ns_.store(known + (spent.count() - known) / 8, std::memory_order_relaxed);
  LentVector<Job, struct Finished> finished;
  lock.lock();
  finished->swap(lane.batch);
  if (objective_) learn_run_locked(*finished, began);
  if (sizes_ && passed_ != backend_->passed()) {  // what was learned is about another back end
    passed_ = backend_->passed();
    sizes_.emplace(options_.batch.rows_max);
    if (lengths_) lengths_.emplace();
  }
  learn_sizes_locked(*finished, spent);
  give_back_locked(&lane);
  if (inline_run) ask_pool_locked();
  lock.unlock();
  finished->clear();  // last references may go here, outside the lock
  lock.lock();
}

void ServedModel::release_dropped(std::unique_lock<std::mutex>& lock) {
  if (!queue_.has_dropped()) return;
  std::vector<PendingRef> dead = queue_.take_dead();
  std::vector<PendingRef> timed_out = queue_.take_timed_out();
  lock.unlock();
  for (const PendingRef& pending : dead) failures_.add(pending->outcome());
  for (const PendingRef& pending : timed_out) refuse(*pending, Refused{Refusal::timeout});
  dead.clear();
  timed_out.clear();
  lock.lock();
}

// The pool's: one batch, if there is one to run. Says whether there is another.
bool ServedModel::lane_turn() {
  std::unique_lock lock(mutex_);
  asked_ = false;
  while (!stopping_) {
    release_dropped(lock);
    Lane* lane = queue_.empty() || stopping_ ? nullptr : take_idle_locked();
    TimePoint wait_until = kNever;
    if (lane && take_batch_locked(*lane, context_.clock->now(), wait_until)) {
      run_taken(*lane, lock, false);
      break;
    }
    if (lane) idle_.push_back(lane);
    if (queue_.has_dropped()) continue;
    // Only dead requests were there.
    if (queue_.empty() && !accepting_) calm_.notify_all();
    if (lane && wait_until != kNever) seat_->ask_at(wait_until);
    return false;
  }
  if (stopping_ || asked_ || !could_run_locked()) return false;
  asked_ = true;
  return true;
}

bool ServedModel::infer(Request& request, TimePoint now, Response& response) {
  Job job;
  if (Status s = admit(request, now, job); !s.ok()) {
    failures_.add(s.code());
    response = Response::failure(request, std::move(s));
    return true;
  }
  std::unique_lock lock(mutex_);
  if (!accepting_) return false;
  if (options_.limits.any()) {
    if (const auto refused = over_limits_locked(job, now)) {
      lock.unlock();
      response = refuse_caller(request, *refused);
      return true;
    }
  }
  if (queue_.empty()) {
    if (Lane* lane = take_idle_locked()) {
      lane->input_bytes = job.input_bytes;
      if (objective_) expect_run_locked(*lane, job.bucket, job.rows, now);
      lock.unlock();
      run_single(context_, *lane, request, job.resolved, job.rows, now, response);
      lock.lock();
      if (objective_) learn_run_locked({&job, 1}, now);
      give_back_locked(lane);
      ask_pool_locked();
      return true;
    }
  }
  auto call = make_ref<BlockingCall>(std::move(request));
  call->submitted_at = now;
  job.pending = call;
  const TimePoint expires = job.expires;
  if (!queue_.try_push(job, now)) {
    const Refused refused = refused_locked(Refusal::queue_full);
    lock.unlock();
    response = refuse_caller(call->request, refused);
    return true;
  }
  // A lane thread that was told of work may take tens of microseconds to wake. A lane that is idle
  // meanwhile is run from here: whatever waits, this request with it.
  while (!call->done() && !queue_.empty()) {
    Lane* lane = take_idle_locked();
    if (!lane) break;
    TimePoint wait_until = kNever;
    if (!take_batch_locked(*lane, now, wait_until)) {
      idle_.push_back(lane);
      break;
    }
    run_taken(*lane, lock, true);
  }
  ask_pool_locked();
  release_dropped(lock);
  lock.unlock();
  if (expires != kNever) watch_.expect(expires);
  response = call->wait();
  return true;
}

bool ServedModel::submit(const PendingRef& pending, TimePoint now) {
  Job job;
  job.pending = pending;
  pending->submitted_at = now;
  if (Status s = admit(pending->request, now, job); !s.ok()) {
    refuse(*pending, std::move(s));
    return true;
  }
  std::unique_lock lock(mutex_);
  if (!accepting_) return false;
  const TimePoint first_limit = std::min(job.expires, pending->request.deadline);
  if (const auto refused = push_locked(job, now)) {
    lock.unlock();
    refuse(*pending, *refused);
    return true;
  }
  ask_pool_locked();
  release_dropped(lock);
  lock.unlock();
  if (first_limit != kNever) watch_.expect(first_limit);
  return true;
}

void ServedModel::prepare_turn(std::span<PendingRef> turn, TimePoint now, std::vector<Job>& jobs) {
  jobs.reserve(turn.size());
  for (PendingRef& pending : turn) {
    Job job;
    pending->submitted_at = now;
    if (Status s = admit(pending->request, now, job); !s.ok()) {
      refuse(*pending, std::move(s));
      pending = nullptr;
      continue;
    }
    job.pending = pending;
    jobs.push_back(std::move(job));
  }
}

void ServedModel::run_inline(std::unique_lock<std::mutex>& lock, TimePoint now) {
  for (int i = 0; i < kInlineBatchesPerTurn && fast(); ++i) {
    Lane* lane = queue_.empty() ? nullptr : take_idle_locked();
    if (!lane) return;
    TimePoint wait_until = kNever;
    if (!take_batch_locked(*lane, now, wait_until)) {
      idle_.push_back(lane);
      return;
    }
    run_taken(*lane, lock, true);
  }
}

bool ServedModel::submit_turn(std::span<PendingRef> turn, TimePoint now) {
  LentVector<Job, struct Prepared> jobs;
  prepare_turn(turn, now, *jobs);
  TimePoint earliest = kNever;
  std::unique_lock lock(mutex_);
  if (!accepting_) return false;
  std::vector<std::pair<PendingRef, Refused>> all_refused;
  for (Job& job : *jobs) {
    earliest = std::min({earliest, job.expires, job.pending->request.deadline});
    if (const auto refused = push_locked(job, now)) {
      all_refused.emplace_back(std::move(job.pending), *refused);
    }
  }
  run_inline(lock, now);
  ask_pool_locked();
  const bool unfinished = !queue_.empty() || idle_.size() < lanes_.size();
  release_dropped(lock);
  lock.unlock();
  for (const auto& [pending, refused] : all_refused) refuse(*pending, refused);
  if (unfinished && earliest != kNever) watch_.expect(earliest);
  return true;
}

TimePoint ServedModel::expire(TimePoint now) {
  std::vector<PendingRef> expired;
  std::unique_lock lock(mutex_);
  TimePoint next = queue_.collect_expired(now, expired);
  const std::size_t waited = expired.size();
  for (const auto& lane : lanes_) {
    for (const Job& job : lane->batch) {
      const TimePoint deadline = job.pending->request.deadline;
      if (deadline > now) {
        next = std::min(next, deadline);
      } else if (!job.pending->done()) {
        expired.push_back(job.pending);
      }
    }
  }
  if (queue_.empty() && !accepting_) calm_.notify_all();
  ask_pool_locked();  // without what is gone the others may be a batch
  release_dropped(lock);
  lock.unlock();
  for (std::size_t i = 0; i < expired.size(); ++i) {
    expired[i]->fail(Status::deadline_exceeded("the deadline passed before an answer was ready"));
    // Those that run are recorded by their lane.
    if (i < waited) failures_.add(expired[i]->outcome());
  }
  return next;
}

bool ServedModel::drain(TimePoint deadline) {
  std::unique_lock lock(mutex_);
  accepting_ = false;
  ask_pool_locked();  // what waits for company need not any more
  const auto calm = [this] { return queue_.empty() && idle_.size() == lanes_.size(); };
  if (deadline == kNever) {
    calm_.wait(lock, calm);
    return true;
  }
  return calm_.wait_until(lock, deadline, calm);
}

void ServedModel::stop() {
  std::unique_lock lock(mutex_);
  accepting_ = false;
  stopping_ = true;
  const std::vector<PendingRef> left = queue_.take_all();
  release_dropped(lock);
  lock.unlock();
  for (const PendingRef& pending : left) refuse(*pending, stopped());
  lock.lock();
  const auto calm = [this] { return idle_.size() == lanes_.size(); };
  if (!calm_.wait_for(lock, kStopGrace, calm)) {
    for (const auto& lane : lanes_) lane->executor->interrupt();
    calm_.wait(lock, calm);
  }
  lock.unlock();
  if (seat_) seat_->leave();
}

std::size_t ServedModel::waiting() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

ModelStats ServedModel::stats() const {
  ModelStats stats;
  failures_.add_to(stats);
  for (const auto& lane : lanes_) lane->recorder.add_to(stats);
  if (context_.drift) add_drift(stats);
  stats.runs_set_aside = backend_->runs_set_aside();
  if (options_.guard) stats.guard = options_.guard->counts();
  stats.name = info().name;
  stats.version = info().version;
  stats.compute_weight = options_.terms.weight;
  if (seat_) stats.compute_ns = static_cast<std::uint64_t>(seat_->computed().count());
  stats.slo_p99_us = options_.limits.slo_p99_us;
  const std::lock_guard lock(mutex_);
  stats.queued = queue_.size();
  stats.inflight = inflight_locked();
  return stats;
}

}  // namespace mlops
