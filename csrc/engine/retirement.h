#pragma once
// Where versions go that take no more requests: a thread lets each finish what it accepted, then
// stops it, so that whoever swapped versions need not wait.

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "engine/servable.h"

namespace mlops {

class Retirement {
 public:
  explicit Retirement(Duration grace);
  ~Retirement();  // stops what is left without grace; joins

  void add(std::shared_ptr<Servable> version);
  std::vector<std::pair<std::string, std::int64_t>> left() const;  // name and version
  bool wait_gone(const std::string& name, TimePoint deadline) const;
  // As Servable::expire, for all that is left.
  TimePoint expire(TimePoint now);

 private:
  void loop();
  void retire(Servable& version);

  const Duration grace_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  mutable std::condition_variable gone_;
  std::deque<std::shared_ptr<Servable>> waiting_;  // guarded by mutex_; the first is worked on
  bool stopping_ = false;                          // guarded by mutex_
  std::thread thread_;
};

}  // namespace mlops
