#pragma once
// What executes a version, and why, in words and in figures. It changes while the version serves,
// when a trial ends. Thread-safe.

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace mlops {

struct TrialTimes {
  std::int64_t rows = 1;
  double speed_up = 0;  // time of the reference over that of the other
};

// Another back end than ONNX Runtime, and what a trial said of it.
struct ExecutionTried {
  std::string name;
  std::string refused;    // why it may not be used; empty: it may, whether it is the faster or not
  double difference = 0;  // largest relative one seen
  std::vector<TrialTimes> times;  // ascending in rows; none where it was refused
};

struct ExecutionAccount {
  std::string reason;                 // one line, for people; empty: there was nothing to choose
  bool settled = true;                // false: others are still to be tried
  std::vector<ExecutionTried> tried;  // by this process, not at an earlier load
};

class ExecutionNote {
 public:
  explicit ExecutionNote(std::string reason, bool settled = true)
      : account_{std::move(reason), settled, {}} {}
  std::string text() const { return account().reason; }
  ExecutionAccount account() const {
    const std::lock_guard lock(mutex_);
    return account_;
  }
  void set(ExecutionAccount account) {
    const std::lock_guard lock(mutex_);
    account_ = std::move(account);
  }

 private:
  mutable std::mutex mutex_;
  ExecutionAccount account_;  // guarded by mutex_
};

}  // namespace mlops
