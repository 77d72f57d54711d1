#pragma once
// A Pending that a thread waits on: the door of callers who want their answer now.

#include <condition_variable>
#include <mutex>
#include <optional>

#include "request/pending.h"

namespace mlops {

class BlockingCall final : public Pending {
 public:
  explicit BlockingCall(Request&& from) { request = std::move(from); }

  // Returns the answer, at the latest when the request's deadline passes.
  Response wait() {
    std::unique_lock lock(mutex_);
    const auto answered = [this] { return response_.has_value(); };
    if (request.deadline == kNever) {
      answered_.wait(lock, answered);
    } else if (!answered_.wait_until(lock, request.deadline, answered)) {
      lock.unlock();
      fail(Status::deadline_exceeded("the deadline passed while the request waited"));
      lock.lock();
      answered_.wait(lock, answered);  // either our failure or a reply that was just faster
    }
    return *std::move(response_);
  }

 private:
  void deliver(Response&& response) noexcept override {
    const std::lock_guard lock(mutex_);
    response_ = std::move(response);
    answered_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable answered_;
  std::optional<Response> response_;  // guarded by mutex_
};

}  // namespace mlops
