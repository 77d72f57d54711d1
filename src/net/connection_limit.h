#pragma once
// How many connections may be open at a time, counted by several loops together. Any thread.

#include <atomic>
#include <cstddef>
#include <utility>

namespace mlops {

class ConnectionLimit {
 public:
  explicit ConnectionLimit(std::size_t most) : most_(most) {}

  // For connections that come from now on; those that are open stay.
  void set_max(std::size_t most) { most_.store(most, std::memory_order_relaxed); }

  // True: one more is open, until give_back().
  bool take() {
    if (open_.fetch_add(1, std::memory_order_relaxed) < most_.load(std::memory_order_relaxed)) {
      return true;
    }
    give_back();
    return false;
  }
  void give_back() { open_.fetch_sub(1, std::memory_order_relaxed); }
  std::size_t open() const { return open_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> most_;
  std::atomic<std::size_t> open_{0};
};

// One connection's place in it; nothing where there is no limit.
class ConnectionPlace {
 public:
  ConnectionPlace() = default;
  explicit ConnectionPlace(ConnectionLimit* of) : of_(of) {}
  ConnectionPlace(ConnectionPlace&& other) noexcept : of_(std::exchange(other.of_, nullptr)) {}
  ConnectionPlace& operator=(ConnectionPlace&& other) noexcept {
    std::swap(of_, other.of_);
    return *this;
  }
  ~ConnectionPlace() { reset(); }
  void reset() {
    if (of_) of_->give_back();
    of_ = nullptr;
  }

 private:
  ConnectionLimit* of_ = nullptr;
};

}  // namespace mlops
