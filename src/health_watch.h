#pragma once
// A thread that looks after the server once in a while: makes it not ready when it should get no
// requests, and tells a supervisor that its loops are alive. Thread-safe.

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "admin/health_judge.h"
#include "admin/service_notify.h"
#include "base/log.h"
#include "config_operations.h"
#include "engine/engine.h"
#include "net/event_loop.h"

namespace mlops {

class HealthWatch {
 public:
  struct Watched {
    const Engine& engine;
    ServingState& state;
    const std::vector<std::unique_ptr<EventLoop>>& loops;
    const ServiceNotify& supervisor;
    LogSink& log;
  };

  // All that is watched outlives it, or stop(). `folders` are those that the server writes to. A
  // zero `watchdog` wants no signs of life.
  HealthWatch(const Watched& watched, const HealthConfig& config, std::vector<std::string> folders,
              Duration watchdog);
  ~HealthWatch() { stop(); }

  void stop();  // looks at nothing any more; idempotent, from one thread
  void configure(const HealthConfig& config);
  std::string metrics_text() const;

 private:
  void run();
  void look();
  void ask_loops();

  const Watched watched_;
  const std::vector<std::string> folders_;
  const Duration watchdog_;
  HealthJudge judge_;                       // the thread's
  std::array<bool, kTroubleCount> told_{};  // likewise
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  HealthConfig config_;    // guarded by mutex_
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;     // last
};

}  // namespace mlops
