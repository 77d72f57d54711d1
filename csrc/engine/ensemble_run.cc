#include "engine/ensemble_run.h"

#include <algorithm>
#include <utility>

namespace mlops {
namespace {

// A step as its model sees it: a request like any other.
class StepCall final : public Pending {
 public:
  StepCall(Ref<EnsembleRun> run, std::size_t step, bool traced)
      : run_(std::move(run)), step_(step) {
    if (traced) timeline = &times_;
  }

 private:
  void deliver(Response&& response) noexcept override {
    // The run goes with its last step, which may be this one.
    const Ref<EnsembleRun> run = std::move(run_);
    run->step_done(step_, *this, std::move(response));
  }

  Ref<EnsembleRun> run_;
  const std::size_t step_;
  RequestTimeline times_;
};

}  // namespace

void StepsInFlight::add(std::size_t step, PendingRef call) {
  const std::lock_guard lock(mutex_);
  calls_[step] = std::move(call);
}

void StepsInFlight::remove(std::size_t step) {
  PendingRef gone;  // after the lock
  const std::lock_guard lock(mutex_);
  gone = std::exchange(calls_[step], nullptr);
}

void StepsInFlight::room() noexcept {
  if (!request_.done()) return;
  std::vector<PendingRef> calls;
  {
    const std::lock_guard lock(mutex_);
    calls.swap(calls_);
    calls_.resize(calls.size());
  }
  for (const PendingRef& call : calls) {
    if (call) call->cancel();
  }
}

EnsembleRun::EnsembleRun(std::shared_ptr<EnsembleOwner> owner, PendingRef request,
                         const std::vector<std::size_t>& positions, std::vector<std::size_t> wanted)
    : owner_(std::move(owner)),
      request_(std::move(request)),
      wanted_(std::move(wanted)),
      calls_(make_ref<StepsInFlight>(*request_, owner_->plan().steps.size())),
      tensors_(owner_->plan().tensors.size()),
      there_(owner_->plan().tensors.size()),
      begun_(owner_->plan().steps.size()) {
  const EnsemblePlan& plan = owner_->plan();
  for (std::size_t i = 0; i < plan.inputs.size(); ++i) {
    tensors_[plan.inputs[i]] = request_->request.inputs[positions[i]].tensor;
    there_[plan.inputs[i]] = true;
  }
  request_->set_part_source(calls_);
}

std::vector<PendingRef> EnsembleRun::first_steps() {
  const std::lock_guard lock(mutex_);
  return steps_that_can_go_locked();
}

std::vector<PendingRef> EnsembleRun::steps_that_can_go_locked() {
  std::vector<PendingRef> steps;
  const auto& planned = owner_->plan().steps;
  for (std::size_t i = 0; i < planned.size(); ++i) {
    if (begun_[i]) continue;
    const bool can_go = std::ranges::all_of(
        planned[i].inputs, [&](const auto& binding) { return there_[binding.tensor]; });
    if (can_go) steps.push_back(make_step_locked(i));
  }
  return steps;
}

PendingRef EnsembleRun::make_step_locked(std::size_t index) {
  const EnsemblePlan::Step& planned = owner_->plan().steps[index];
  const Request& whole = request_->request;
  begun_[index] = true;
  ++in_flight_;
  auto call =
      make_ref<StepCall>(Ref<EnsembleRun>::share(this), index, request_->timeline != nullptr);
  Request& request = call->request;
  request.model = planned.model;
  request.version = planned.version;
  request.id = whole.id;
  request.parameters = whole.parameters;
  // Of the ensemble's versions, not of its members'.
  std::erase_if(request.parameters, [](const Parameter& p) { return p.name == "version_label"; });
  request.deadline = whole.deadline;
  for (const auto& binding : planned.inputs) {
    request.inputs.push_back({binding.name, tensors_[binding.tensor]});
  }
  for (const auto& binding : planned.outputs) request.outputs.push_back(binding.name);
  calls_->add(index, call);
  return call;
}

Status EnsembleRun::take_outputs_locked(std::size_t step, const Response& response) {
  if (!response.status.ok()) return response.status;
  const EnsemblePlan::Step& planned = owner_->plan().steps[step];
  if (response.outputs.size() != planned.outputs.size()) {
    return Status::internal("the model gave another number of outputs than it was asked for");
  }
  for (std::size_t i = 0; i < planned.outputs.size(); ++i) {
    tensors_[planned.outputs[i].tensor] = response.outputs[i].tensor;
    there_[planned.outputs[i].tensor] = true;
  }
  return {};
}

// Those of a member that failed are not for reading: a lane may still be at work on them.
void EnsembleRun::note_times_locked(const Pending& call, const Response& response) {
  if (!call.timeline || !response.status.ok() || request_->done()) return;
  std::vector<MemberTimes>& members = request_->timeline->members;
  const std::size_t own = members.size();
  members.push_back(
      {response.model, response.version, call.submitted_at, owner_->now(), *call.timeline, {}});
  for (const MemberTimes& inner : call.timeline->members) {
    const std::size_t within = inner.within ? own + 1 + *inner.within : own;
    members.emplace_back(inner).within = within;
  }
}

void EnsembleRun::step_done(std::size_t step, const Pending& call, Response&& response) noexcept {
  calls_->remove(step);
  std::unique_lock lock(mutex_);
  note_times_locked(call, response);
  const Status taken = take_outputs_locked(step, response);
  if (!taken.ok()) {
    lock.unlock();
    // At once: the client need not wait for what else is in flight, and nothing more begins.
    request_->fail(Status(taken.code(), "in ensemble '" + request_->request.model + "', model '" +
                                            owner_->plan().steps[step].model +
                                            "': " + taken.message()));
    lock.lock();
  }
  --in_flight_;
  // It may also have been cancelled, or be too late.
  if (!request_->done()) {
    std::vector<PendingRef> steps = steps_that_can_go_locked();
    if (!steps.empty()) {
      lock.unlock();
      owner_->launch(std::move(steps));
      return;
    }
  }
  if (in_flight_ > 0) return;
  Response answer = make_response_locked();
  lock.unlock();
  owner_->run_ended(*request_, std::move(answer));
}

Response EnsembleRun::make_response_locked() const {
  const EnsemblePlan& plan = owner_->plan();
  Response response;
  response.model = request_->request.model;
  response.id = request_->request.id;
  for (const std::size_t output : wanted_) {
    const std::size_t tensor = plan.outputs[output];
    if (!there_[tensor]) {  // stopped half-way, which only happens when nobody waits
      response.status = Status::cancelled("the request was given up");
      return response;
    }
    response.outputs.push_back({plan.signature.outputs[output].name, tensors_[tensor]});
  }
  return response;
}

}  // namespace mlops
