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
  // When, among all calls: 1 is the first that was ever answered.
  std::size_t answered() {
    wait();
    return answered_;
  }

 private:
  void deliver(Response&& response) noexcept override {
    const std::lock_guard lock(mutex_);
    deliveries_.fetch_add(1);
    static std::atomic<std::size_t> answers{0};
    answered_ = ++answers;
    response_ = std::move(response);
    changed_.notify_all();
  }

  std::atomic<int> deliveries_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Response> response_;
  std::size_t answered_ = 0;
};

}  // namespace mlops::testing
