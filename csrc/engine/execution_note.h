#pragma once
// What executes a version, and why, in words. It changes while the version serves, when a trial
// ends. Thread-safe.

#include <mutex>
#include <string>
#include <utility>

namespace mlops {

class ExecutionNote {
 public:
  explicit ExecutionNote(std::string text) : text_(std::move(text)) {}
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  void set(std::string text) {
    const std::lock_guard lock(mutex_);
    text_ = std::move(text);
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;  // guarded by mutex_
};

}  // namespace mlops
