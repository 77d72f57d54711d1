// Which requests a model takes: the part of ServedModel that refuses.

#include <algorithm>

#include "batch/queue_policy.h"
#include "engine/served_model.h"

namespace mlops {
namespace {

// Longer waits are guesses: clients had better ask again and be told anew.
constexpr std::int64_t kRetryAfterSecondsMax = 60;

std::uint32_t whole_seconds(Duration wait) {
  const std::int64_t seconds = std::chrono::ceil<std::chrono::seconds>(wait).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds, 1, kRetryAfterSecondsMax));
}

std::size_t bytes_of_inputs(const Request& request) {
  std::size_t bytes = 0;
  for (const NamedTensor& input : request.inputs) bytes += input.tensor.bytes.size();
  return bytes;
}

}  // namespace

Status ServedModel::admit(Request& request, TimePoint now, Job& job) const {
  if (request.deadline <= now) {
    return Status::deadline_exceeded("the deadline had passed when the request arrived");
  }
  if (Status s = prepare(request, job); !s.ok()) return s;
  if (options_.guard) {
    if (Status s = options_.guard->check(request, job.resolved); !s.ok()) return s;
  }
  return classify(request, now, job);
}

std::optional<std::int64_t> ServedModel::elsewhere(const Request& request) const {
  if (!options_.guard || !options_.guard->routes()) return std::nullopt;
  Job job;
  if (!prepare(request, job).ok()) return std::nullopt;  // is refused where it was sent
  return options_.guard->elsewhere(request, job.resolved);
}

void ServedModel::sent_elsewhere() {
  if (options_.guard) options_.guard->count_routed();
}

// What the queue's policy and the model's limits need to know of a request.
Status ServedModel::classify(const Request& request, TimePoint now, Job& job) const {
  if (options_.policy) {
    job.level = priority_level(*options_.policy, request);
    job.expires = queue_expiry(policy_of_level(*options_.policy, job.level), request, now);
  }
  const std::size_t bytes_max = options_.limits.input_bytes_max;
  if (bytes_max == 0) return {};
  job.input_bytes = bytes_of_inputs(request);
  if (job.input_bytes <= bytes_max) return {};
  return Status::invalid_argument(
      "the inputs of the request take " + std::to_string(job.input_bytes) + " bytes; model '" +
      info().name + "' takes at most " + std::to_string(bytes_max) + " at a time");
}

// Both are counted from what is there, not kept up to date by every event: such sums drift.
std::size_t ServedModel::inflight_locked() const {
  std::size_t running = lanes_.size() - idle_.size();
  for (const auto& lane : lanes_) {
    if (!lane->batch.empty()) running += lane->batch.size() - 1;
  }
  return queue_.size() + running;
}

std::size_t ServedModel::input_bytes_locked() const {
  std::size_t bytes = queue_.input_bytes();
  for (const auto& lane : lanes_) bytes += lane->input_bytes;
  return bytes;
}

std::optional<ServedModel::Refused> ServedModel::too_late_locked(const Job& job, TimePoint now) {
  lanes_free_at_.clear();
  for (const auto& lane : lanes_) lanes_free_at_.push_back(lane->free_at);
  const auto late = objective_->too_late(job, {queue_, !idle_.empty(), lanes_free_at_}, now);
  if (!late) return std::nullopt;
  return Refused{Refusal::objective, whole_seconds(*late)};
}

std::optional<ServedModel::Refused> ServedModel::over_limits_locked(const Job& job, TimePoint now) {
  const ServingLimits& limits = options_.limits;
  const auto over = [&]() -> std::optional<Refusal> {
    if (limits.inflight_requests_max > 0 && inflight_locked() >= limits.inflight_requests_max) {
      return Refusal::inflight;
    }
    if (limits.input_bytes_max > 0 &&
        input_bytes_locked() + job.input_bytes > limits.input_bytes_max) {
      return Refusal::memory;
    }
    return std::nullopt;
  };
  std::optional<Refusal> why = over();
  if (why) {
    queue_.reclaim();
    why = over();
  }
  if (why) return refused_locked(*why);
  return objective_ ? too_late_locked(job, now) : std::nullopt;
}

std::optional<ServedModel::Refused> ServedModel::push_locked(Job& job, TimePoint now) {
  if (options_.limits.any()) {
    if (const auto refused = over_limits_locked(job, now)) return refused;
  }
  if (queue_.try_push(job, now)) return std::nullopt;
  return refused_locked(Refusal::queue_full);
}

// It is worth trying again when what waits now has gone through the lanes.
ServedModel::Refused ServedModel::refused_locked(Refusal why) const {
  const auto rows_max =
      static_cast<std::size_t>(std::max<std::int64_t>(1, options_.batch.rows_max));
  const std::size_t batches = queue_.size() / (rows_max * lanes_.size()) + 1;
  const Duration drained = Duration(expected_run_ns_.load(std::memory_order_relaxed)) *
                           static_cast<std::int64_t>(batches);
  return {why, whole_seconds(drained)};
}

Response ServedModel::refusal(const Request& request, const Refused& refused) const {
  Response response = Response::failure(request, refusal_status(refused.why, info().name));
  response.retry_after_s = refused.retry_after_s;
  return response;
}

Response ServedModel::refuse_caller(const Request& request, const Refused& refused) {
  Response response = refusal(request, refused);
  failures_.add(response.status.code());
  failures_.refused(refused.why);
  return response;
}

void ServedModel::refuse(Pending& pending, const Refused& refused) {
  Response response = refusal(pending.request, refused);
  const Code code = response.status.code();
  const bool won = pending.complete(std::move(response));
  failures_.add(won ? code : pending.outcome());
  if (won) failures_.refused(refused.why);
}

void ServedModel::refuse(Pending& pending, Status why) {
  const Code code = why.code();
  failures_.add(pending.fail(std::move(why)) ? code : pending.outcome());
}

}  // namespace mlops
