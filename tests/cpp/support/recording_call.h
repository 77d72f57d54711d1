#pragma once
// A Pending that remembers what it was told, and how often.

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>

#include "request/pending.h"

namespace mlops::testing {

class RecordingCall final : public Pending {
 public:
  explicit RecordingCall(Request from) { request = std::move(from); }

  const Response& wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return response_.has_value(); });
    return *response_;
  }
  int deliveries() const { return deliveries_.load(); }

 private:
  void deliver(Response&& response) noexcept override {
    const std::lock_guard lock(mutex_);
    deliveries_.fetch_add(1);
    response_ = std::move(response);
    changed_.notify_all();
  }

  std::atomic<int> deliveries_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Response> response_;
};

}  // namespace mlops::testing
