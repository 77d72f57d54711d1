#pragma once
// One thread that answers requests whose deadline passes while they wait or run. It sleeps until
// the earliest deadline it was told of and costs nothing while none is set.

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "base/clock.h"

namespace mlops {

class DeadlineWatch {
 public:
  // `expire(now)` answers what has expired and returns the earliest deadline left, kNever if none.
  // Called from the watch's own thread only.
  explicit DeadlineWatch(std::function<TimePoint(TimePoint)> expire);
  ~DeadlineWatch();  // joins

  // Some request with this deadline now waits. Cheap when an earlier one is already known.
  void expect(TimePoint deadline);

 private:
  void loop(const std::stop_token& stop);

  std::function<TimePoint(TimePoint)> expire_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  TimePoint next_ = kNever;  // guarded by mutex_
  std::jthread thread_;      // last: starts when everything else is there
};

}  // namespace mlops
