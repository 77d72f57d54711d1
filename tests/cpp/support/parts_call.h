#pragma once
// A Pending that takes parts, as many at a time as the test allows, and checks their order.

#include <condition_variable>
#include <limits>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "request/pending.h"

namespace mlops::testing {

class PartsCall final : public Pending {
 public:
  explicit PartsCall(Request from, std::size_t room = std::numeric_limits<std::size_t>::max())
      : room_(room) {
    request = std::move(from);
  }

  bool takes_parts() const override { return true; }

  // Blocks until `count` parts wait to be taken, or the answer is there.
  std::vector<Response> take(std::size_t count) {
    std::vector<Response> taken;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return waiting_.size() >= count || answer_; });
      taken = std::exchange(waiting_, {});
    }
    want_parts();
    return taken;
  }
  // Takes what comes until the answer.
  std::vector<Response> take_all() {
    std::vector<Response> all;
    while (true) {
      for (Response& part : take(1)) all.push_back(std::move(part));
      const std::lock_guard lock(mutex_);
      if (answer_ && waiting_.empty()) return all;
    }
  }
  const Response& wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return answer_.has_value(); });
    return *answer_;
  }
  int answers() {
    const std::lock_guard lock(mutex_);
    return answers_;
  }
  // Parts that came with or after the answer, or over another delivery: always 0.
  int misplaced() {
    const std::lock_guard lock(mutex_);
    return misplaced_;
  }
  std::size_t most_waiting() {
    const std::lock_guard lock(mutex_);
    return most_waiting_;
  }

 private:
  void deliver(Response&& response) noexcept override {
    const std::lock_guard lock(mutex_);
    if (delivering_) ++misplaced_;
    ++answers_;
    answer_ = std::move(response);
    changed_.notify_all();
  }
  bool deliver_part(Response&& part) noexcept override {
    {
      const std::lock_guard lock(mutex_);
      if (answer_ || delivering_) ++misplaced_;
      delivering_ = true;
    }
    // A moment in which others may try to answer.
    const std::lock_guard lock(mutex_);
    delivering_ = false;
    if (answer_) ++misplaced_;
    waiting_.push_back(std::move(part));
    most_waiting_ = std::max(most_waiting_, waiting_.size());
    changed_.notify_all();
    return waiting_.size() < room_;
  }

  const std::size_t room_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Response> waiting_;
  std::optional<Response> answer_;
  std::size_t most_waiting_ = 0;
  int answers_ = 0;
  int misplaced_ = 0;
  bool delivering_ = false;
};

}  // namespace mlops::testing
