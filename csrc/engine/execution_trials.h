#pragma once
// Trials of versions that serve already, one after the other, on a thread of a low priority that
// there is only while there is something to try. Thread-safe.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

#include "base/clock.h"

namespace mlops {

class ExecutionTrials {
 public:
  using Trial = std::function<void(const std::stop_token&)>;

  ~ExecutionTrials() { stop(); }
  void add(Trial trial);
  // Until none waits or runs; false when `deadline` came first.
  bool wait_done(TimePoint deadline);
  // Breaks off the one that runs as soon as it listens, for good: nothing that is added later is
  // tried.
  void request_stop() { stop_.request_stop(); }
  void stop();  // and waits

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable done_;
  std::deque<Trial> waiting_;  // guarded by mutex_
  bool working_ = false;       // guarded by mutex_: the thread will look again
  std::stop_source stop_;
  std::thread thread_;  // guarded by mutex_
};

}  // namespace mlops
