#pragma once
// Interrupts an executor that has not been released in time, so that an endless graph cannot hold
// up loading. One short-lived thread per guard; for control paths, not for requests.

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "execute/backend.h"

namespace mlops {

class RunLimit {
 public:
  // The executor outlives the guard.
  RunLimit(Executor& executor, std::chrono::milliseconds limit)
      : thread_([this, &executor, limit](const std::stop_token& stop) {
          std::unique_lock lock(mutex_);
          released_.wait_for(lock, stop, limit, [&] { return stop.stop_requested(); });
          if (stop.stop_requested()) return;
          exceeded_ = true;
          executor.interrupt();
        }) {}

  // True when the limit passed and the executor was interrupted; it is of no more use then.
  bool release() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
    return exceeded_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable_any released_;
  bool exceeded_ = false;  // written by the thread, read after it has been joined
  std::jthread thread_;
};

}  // namespace mlops
