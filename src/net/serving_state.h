#pragma once
// Where the process is in its life, as far as clients may know. Any thread.

#include <atomic>

#include "engine/engine.h"
#include "engine/repository_control.h"

namespace mlops {

class ServingState {
 public:
  void set_loaded() { loaded_.store(true, std::memory_order_release); }
  void set_draining() { draining_.store(true, std::memory_order_release); }
  // Before the first connection. Null: there is none.
  void watch(const RepositoryControl* repository) { repository_ = repository; }
  bool draining() const { return draining_.load(std::memory_order_acquire); }

  // Everything that was asked for at start has been tried, the engine has all of it, no shutdown.
  bool ready(const Engine& engine) const {
    return loaded_.load(std::memory_order_acquire) && !draining() && engine.ready() &&
           (!repository_ || repository_->ready());
  }

 private:
  const RepositoryControl* repository_ = nullptr;
  std::atomic<bool> loaded_{false};
  std::atomic<bool> draining_{false};
};

}  // namespace mlops
