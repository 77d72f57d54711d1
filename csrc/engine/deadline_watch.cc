#include "engine/deadline_watch.h"

#include <algorithm>

namespace mlops {
namespace {

// Deadlines this close together are answered in one pass over the queues.
constexpr auto kCoalesce = std::chrono::milliseconds(1);

}  // namespace

DeadlineWatch::DeadlineWatch(std::function<TimePoint(TimePoint)> expire)
    : expire_(std::move(expire)), thread_([this](const std::stop_token& stop) { loop(stop); }) {}

DeadlineWatch::~DeadlineWatch() {
  thread_.request_stop();
  thread_.join();
}

void DeadlineWatch::expect(TimePoint deadline) {
  {
    const std::lock_guard lock(mutex_);
    if (deadline >= next_) return;
    next_ = deadline;
  }
  changed_.notify_one();
}

void DeadlineWatch::loop(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const TimePoint wake = next_;
    if (wake == kNever) {
      changed_.wait(lock, stop, [&] { return next_ != kNever; });
      continue;
    }
    if (changed_.wait_until(lock, stop, wake, [&] { return next_ < wake; })) continue;
    if (stop.stop_requested()) return;
    next_ = kNever;
    lock.unlock();
    const TimePoint now = std::chrono::steady_clock::now();
    const TimePoint left = expire_(now);
    lock.lock();
    if (left != kNever) next_ = std::min(next_, std::max(left, now + kCoalesce));
  }
}

}  // namespace mlops
