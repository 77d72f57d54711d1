#include "engine/generation_queue.h"

namespace mlops {

void GenerationTask::room() noexcept { queue_->room(*this); }

GenerationQueue::Admission GenerationQueue::add(const TaskRef& task) {
  const std::lock_guard lock(mutex_);
  if (closed_) return Admission::closed;
  if (all_.size() >= tasks_max_) return Admission::full;
  task->pending->set_part_source(task);
  all_.push_back(task);
  task->in_all_ = std::prev(all_.end());
  make_ready_locked(task);
  return Admission::taken;
}

void GenerationQueue::make_ready_locked(TaskRef task) {
  task->state_ = GenerationTask::State::ready;
  ready_.push_back(std::move(task));
  wake_locked(TimePoint());
}

void GenerationQueue::wake_locked(TimePoint at) {
  if (!stopped_) wake_(at);
}

void GenerationQueue::wake_due_locked(TimePoint now) {
  while (!later_.empty() && later_.begin()->first <= now) {
    TaskRef task = std::move(later_.begin()->second);
    later_.erase(later_.begin());
    make_ready_locked(std::move(task));
  }
}

GenerationQueue::TaskRef GenerationQueue::next(TimePoint now) {
  const std::lock_guard lock(mutex_);
  wake_due_locked(now);
  if (ready_.empty()) {
    if (!later_.empty()) wake_locked(later_.begin()->first);
    return nullptr;
  }
  TaskRef task = std::move(ready_.front());
  ready_.pop_front();
  task->state_ = GenerationTask::State::running;
  task->nudged_ = false;
  if (!ready_.empty()) wake_locked(TimePoint());  // others may help
  return task;
}

void GenerationQueue::again(TaskRef task) {
  const std::lock_guard lock(mutex_);
  make_ready_locked(std::move(task));
}

void GenerationQueue::later(TaskRef task, TimePoint at) {
  const std::lock_guard lock(mutex_);
  if (task->pending->done()) return make_ready_locked(std::move(task));
  task->state_ = GenerationTask::State::later;
  GenerationTask& placed = *task;
  placed.in_later_ = later_.emplace(at, std::move(task));
  if (placed.in_later_ == later_.begin()) wake_locked(at);
}

void GenerationQueue::park(TaskRef task) {
  const std::lock_guard lock(mutex_);
  if (task->nudged_) return make_ready_locked(std::move(task));
  task->state_ = GenerationTask::State::parked;  // all_ holds it
}

void GenerationQueue::finish(TaskRef task) {
  PendingRef answered;  // its last reference may go here, outside the lock
  const std::lock_guard lock(mutex_);
  task->state_ = GenerationTask::State::over;
  std::swap(answered, task->pending);
  all_.erase(task->in_all_);
  if (all_.empty()) calm_.notify_all();
}

void GenerationQueue::room(GenerationTask& task) noexcept {
  const std::lock_guard lock(mutex_);
  switch (task.state_) {
    case GenerationTask::State::running:
      task.nudged_ = true;
      break;
    case GenerationTask::State::parked:
      make_ready_locked(TaskRef::share(&task));
      break;
    case GenerationTask::State::later:
      // Its time has not come; but when nobody wants it any more it need not wait to hear so.
      if (task.pending->done()) {
        TaskRef woken = std::move(task.in_later_->second);
        later_.erase(task.in_later_);
        make_ready_locked(std::move(woken));
      }
      break;
    case GenerationTask::State::ready:
    case GenerationTask::State::over:
      break;
  }
}

std::vector<PendingRef> GenerationQueue::requests() const {
  const std::lock_guard lock(mutex_);
  std::vector<PendingRef> requests;
  requests.reserve(all_.size());
  for (const TaskRef& task : all_) requests.push_back(task->pending);
  return requests;
}

std::size_t GenerationQueue::size() const {
  const std::lock_guard lock(mutex_);
  return all_.size();
}

bool GenerationQueue::has_ready() const {
  const std::lock_guard lock(mutex_);
  return !ready_.empty();
}

void GenerationQueue::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
}

bool GenerationQueue::drain(TimePoint deadline) {
  std::unique_lock lock(mutex_);
  const auto empty = [this] { return all_.empty(); };
  if (deadline != kNever) return calm_.wait_until(lock, deadline, empty);
  calm_.wait(lock, empty);
  return true;
}

void GenerationQueue::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
}

}  // namespace mlops
