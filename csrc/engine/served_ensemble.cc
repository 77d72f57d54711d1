#include "engine/served_ensemble.h"

#include "engine/blocking_call.h"

namespace mlops {
namespace {

// While a thread works off a turn, the steps that become ready on it are collected and handed over
// together: they are a batch, and no step runs inside the delivery of another.
thread_local std::vector<PendingRef>* collected = nullptr;

std::int64_t rows_of(const Request& request, const ModelInfo& info) {
  if (!info.has_batch_axis || request.inputs.empty()) return 1;
  const Shape& shape = request.inputs.front().tensor.shape;
  return shape.rank() == 0 ? 1 : shape[0];
}

}  // namespace

ServedEnsemble::ServedEnsemble(std::shared_ptr<const ModelInfo> info, EnsemblePlan plan,
                               StepDoor door, const Clock& clock, int level)
    : info_(std::move(info)),
      plan_(std::move(plan)),
      door_(std::move(door)),
      clock_(clock),
      level_(level) {}

bool ServedEnsemble::enter() {
  const std::lock_guard lock(mutex_);
  if (accepting_) ++in_flight_;
  return accepting_;
}

void ServedEnsemble::leave() {
  const std::lock_guard lock(mutex_);
  if (--in_flight_ == 0) calm_.notify_all();
}

Status ServedEnsemble::check(const Request& request, TimePoint now,
                             std::vector<std::size_t>& positions,
                             std::vector<std::size_t>& wanted) const {
  if (request.deadline <= now) {
    return Status::deadline_exceeded("the deadline had passed when the request arrived");
  }
  Resolved resolved;
  if (Status s = check_signature(request, plan_.signature, resolved); !s.ok()) return s;
  for (std::size_t i = 0; i < plan_.inputs.size(); ++i) {
    positions.push_back(resolved.input(i));
    const Shape& shape = request.inputs[positions[i]].tensor.shape;
    if (info_->request_rows_max > 0 && shape[0] > info_->request_rows_max) {
      return Status::invalid_argument(
          "inference request batch-size must be <= " + std::to_string(info_->request_rows_max) +
          " for '" + info_->name + "'");
    }
  }
  wanted.assign(resolved.outputs.begin(), resolved.outputs.end());
  if (!wanted.empty()) return {};
  for (std::size_t i = 0; i < plan_.outputs.size(); ++i) wanted.push_back(i);
  return {};
}

void ServedEnsemble::refuse(Pending& pending, Status why) {
  const Code code = why.code();
  failures_.add(pending.fail(std::move(why)) ? code : pending.outcome());
  leave();
}

// The steps to begin with; none when the request was refused.
std::vector<PendingRef> ServedEnsemble::begin(const PendingRef& pending, TimePoint now) {
  pending->submitted_at = now;
  std::vector<std::size_t> positions, wanted;
  if (Status s = check(pending->request, now, positions, wanted); !s.ok()) {
    refuse(*pending, std::move(s));
    return {};
  }
  const auto run = make_ref<EnsembleRun>(shared_from_this(), pending, positions, std::move(wanted));
  return run->first_steps();
}

void ServedEnsemble::launch(std::vector<PendingRef> steps) {
  if (collected) {
    for (PendingRef& step : steps) collected->push_back(std::move(step));
    return;
  }
  for (PendingRef& step : steps) door_.submit(std::move(step));
}

void ServedEnsemble::run_here(std::vector<PendingRef> steps) {
  if (collected) {  // an ensemble in an ensemble: whoever collects goes on with these too
    for (PendingRef& step : steps) collected->push_back(std::move(step));
    return;
  }
  std::vector<PendingRef> more;
  collected = &more;
  while (!steps.empty()) {
    door_.submit_turn(steps);
    steps = std::exchange(more, {});
  }
  collected = nullptr;
}

bool ServedEnsemble::infer(Request& request, TimePoint now, Response& response) {
  if (!enter()) return false;
  const auto call = make_ref<BlockingCall>(std::move(request));
  run_here(begin(call, now));
  response = call->wait();
  return true;
}

bool ServedEnsemble::submit(const PendingRef& pending, TimePoint now) {
  if (!enter()) return false;
  launch(begin(pending, now));
  return true;
}

bool ServedEnsemble::submit_turn(std::span<PendingRef> turn, TimePoint now) {
  std::vector<PendingRef> steps;
  for (PendingRef& pending : turn) {
    if (!enter()) break;  // what is left goes elsewhere
    for (PendingRef& step : begin(pending, now)) steps.push_back(std::move(step));
    pending = nullptr;
  }
  run_here(std::move(steps));
  return turn.empty() || !turn.back();
}

void ServedEnsemble::run_ended(Pending& request, Response&& response) {
  const TimePoint now = clock_.now();
  const std::uint64_t took = elapsed_ns(request.submitted_at, now);
  const auto rows = static_cast<std::uint64_t>(rows_of(request.request, *info_));
  const Code code = response.status.code();
  response.version = info_->version;
  response.model_pin = info_;
  if (!request.complete(std::move(response))) {
    failures_.add(request.outcome(), took);
  } else if (code != Code::ok) {
    failures_.add(code, took);
  } else {
    const std::lock_guard lock(mutex_);
    recorder_.success(took, 0, rows);
    recorder_.execution(rows, 1, {0, took, 0}, false);
  }
  leave();
}

ModelStats ServedEnsemble::stats() const {
  ModelStats stats;
  recorder_.add_to(stats);
  failures_.add_to(stats);
  stats.name = info_->name;
  stats.version = info_->version;
  return stats;
}

bool ServedEnsemble::drain(TimePoint deadline) {
  std::unique_lock lock(mutex_);
  accepting_ = false;
  const auto calm = [this] { return in_flight_ == 0; };
  if (deadline == kNever) {
    calm_.wait(lock, calm);
    return true;
  }
  return calm_.wait_until(lock, deadline, calm);
}

// What is on its way is answered by the models that its steps are with.
void ServedEnsemble::stop() {
  const std::lock_guard lock(mutex_);
  accepting_ = false;
}

}  // namespace mlops
