#include "engine/shadow_runner.h"

#include <sys/resource.h>

#include <cstring>

namespace mlops {
namespace {

constexpr int kNice = 10;
constexpr std::size_t kOwnBytesMax = std::size_t{1} << 20;  // copied on a primary's thread

std::size_t bytes_of(const ShadowJob& job) {
  std::size_t bytes = 0;
  for (const NamedTensor& input : job.request.inputs) bytes += input.tensor.bytes.size();
  for (const NamedTensor& output : job.primary) bytes += output.tensor.bytes.size();
  return bytes;
}

}  // namespace

void ShadowRunner::start() {
  const std::lock_guard lock(mutex_);
  if (thread_.joinable() || stopping_) return;
  thread_ = std::thread([this] {
    (void)setpriority(PRIO_PROCESS, 0, kNice);  // the calling thread's own, on Linux
    run();
  });
}

void ShadowRunner::stop() {
  refuse();
  if (thread_.joinable()) thread_.join();
}

void ShadowRunner::refuse() {
  std::deque<ShadowJob> dropped;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(jobs_);
    bytes_ = 0;
  }
  for (const ShadowJob& job : dropped) job.log->dropped(ShadowLog::Drop::full);
  changed_.notify_all();
}

// Bytes that somebody else may write once the primary is answered are copied. False: too many.
bool ShadowRunner::own_inputs(Request& request) const {
  std::size_t total = 0;
  for (const NamedTensor& input : request.inputs) total += input.tensor.bytes.size();
  if (total > kOwnBytesMax) return false;
  for (NamedTensor& input : request.inputs) {
    Buffer own = allocate_buffer(input.tensor.bytes.size());
    if (!own) return false;
    if (!input.tensor.bytes.empty()) {
      std::memcpy(own->data(), input.tensor.bytes.data(), input.tensor.bytes.size());
    }
    input.tensor.bytes = {own->data(), input.tensor.bytes.size()};
    input.tensor.owner = std::move(own);
  }
  parts_.copies.add(CopySite::shadow, total);
  return true;
}

void ShadowRunner::offer(ShadowJob&& job) noexcept {
  job.log->offered();
  if (job.request.inputs_may_change && !own_inputs(job.request)) {
    return job.log->dropped(ShadowLog::Drop::full);
  }
  const std::size_t bytes = bytes_of(job);
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_ && jobs_.size() < kWaitingMax && bytes_ + bytes <= kBytesMax) {
      bytes_ += bytes;
      jobs_.push_back(std::move(job));
      waiting_.store(jobs_.size(), std::memory_order_relaxed);
    }
  }
  if (job.log) return job.log->dropped(ShadowLog::Drop::full);  // it was not taken
  changed_.notify_one();
}

void ShadowRunner::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (stopping_) return;
    ShadowJob job = std::move(jobs_.front());
    jobs_.pop_front();
    bytes_ -= bytes_of(job);
    waiting_.store(jobs_.size(), std::memory_order_relaxed);
    lock.unlock();
    run_one(std::move(job));
    lock.lock();
  }
}

void ShadowRunner::run_one(ShadowJob job) {
  if (!parts_.has_slack(job.request.model)) return job.log->dropped(ShadowLog::Drop::busy);
  Result<std::shared_ptr<Servable>> version =
      parts_.catalog.find(job.request.model, job.request.version);
  if (!version.ok()) return job.log->failed(version.status());
  const std::string id = job.request.id;
  const TimePoint began = parts_.clock.now();
  Response answer;
  if (!(*version)->infer(job.request, began, answer)) {
    return job.log->failed(Status::unavailable("the shadow's version is being unloaded"));
  }
  if (!answer.status.ok()) return job.log->failed(answer.status);
  job.log->compare(id, job.primary, answer.outputs, job.primary_ns,
                   elapsed_ns(began, parts_.clock.now()));
}

}  // namespace mlops
