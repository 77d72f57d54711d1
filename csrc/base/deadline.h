#pragma once
// Deadlines out of what clients send, without overflow.

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace mlops {

// `limit` after `now`; a hundred years at most, which is never.
inline TimePoint after(TimePoint now, Duration limit) {
  return now + std::min<Duration>(limit, std::chrono::hours(24 * 365 * 100));
}

inline TimePoint after_us(TimePoint now, std::uint64_t limit_us) {
  constexpr std::uint64_t kMost = std::uint64_t{3'155'760'000} * 1'000'000;
  return after(now,
               std::chrono::microseconds(static_cast<std::int64_t>(std::min(limit_us, kMost))));
}

}  // namespace mlops
