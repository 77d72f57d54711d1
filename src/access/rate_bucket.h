#pragma once
// A token bucket as one number: the time at which it would be full again. Any thread; no lock, no
// timer, no allocation.

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/clock.h"

namespace mlops {

struct RateLimit {
  double per_second = 0;  // 0: none
  double burst = 1;       // at once, at least 1

  bool none() const { return per_second <= 0; }
  bool operator==(const RateLimit&) const = default;
};

class RateBucket {
 public:
  explicit RateBucket(const RateLimit& limit)
      : limit_(limit),
        interval_ns_(limit.none() ? 0 : std::llround(1e9 / limit.per_second)),
        depth_ns_(limit.none() ? 0 : std::llround(limit.burst * 1e9 / limit.per_second)) {}

  // Zero when one was taken; otherwise how long until there is one.
  Duration take(TimePoint now) {
    if (limit_.none()) return Duration::zero();
    const std::int64_t at = now.time_since_epoch().count();
    std::int64_t full_at = full_at_.load(std::memory_order_relaxed);
    while (true) {
      const std::int64_t next = std::max(full_at, at) + interval_ns_;
      if (next - at > depth_ns_) return Duration(next - at - depth_ns_);
      if (full_at_.compare_exchange_weak(full_at, next, std::memory_order_relaxed)) {
        return Duration::zero();
      }
    }
  }
  // Then it cannot be told from a new one.
  bool full(TimePoint now) const {
    return full_at_.load(std::memory_order_relaxed) <= now.time_since_epoch().count();
  }
  const RateLimit& limit() const { return limit_; }

 private:
  const RateLimit limit_;
  const std::int64_t interval_ns_;
  const std::int64_t depth_ns_;
  std::atomic<std::int64_t> full_at_{0};
};

}  // namespace mlops
