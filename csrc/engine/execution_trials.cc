#include "engine/execution_trials.h"

#include <utility>

#include "base/quiet_thread.h"

namespace mlops {

void ExecutionTrials::add(Trial trial) {
  const std::lock_guard lock(mutex_);
  if (stop_.stop_requested()) return;
  waiting_.push_back(std::move(trial));
  if (working_) return;
  working_ = true;
  if (thread_.joinable()) thread_.join();  // it has said that it will not look again
  thread_ = std::thread([this] {
    be_quiet();
    work();
  });
}

void ExecutionTrials::work() {
  std::unique_lock lock(mutex_);
  while (!waiting_.empty() && !stop_.stop_requested()) {
    Trial trial = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    trial(stop_.get_token());
    trial = nullptr;  // what it holds goes without the lock
    lock.lock();
  }
  waiting_.clear();
  working_ = false;
  done_.notify_all();
}

bool ExecutionTrials::wait_done(TimePoint deadline) {
  std::unique_lock lock(mutex_);
  const auto done = [this] { return !working_; };
  if (deadline == kNever) {
    done_.wait(lock, done);
    return true;
  }
  return done_.wait_until(lock, deadline, done);
}

void ExecutionTrials::stop() {
  request_stop();
  std::thread last;
  {
    const std::lock_guard lock(mutex_);
    last = std::move(thread_);
  }
  if (last.joinable()) last.join();
}

}  // namespace mlops
