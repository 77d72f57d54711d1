#pragma once
// Time as the engine sees it. Everything that waits or measures takes a Clock, so tests bring their
// own.

#include <chrono>
#include <cstdint>

namespace mlops {

using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::nanoseconds;

inline constexpr TimePoint kNever = TimePoint::max();

class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;  // monotonic, any thread
};

class SteadyClock final : public Clock {
 public:
  TimePoint now() const override { return std::chrono::steady_clock::now(); }
};

inline std::uint64_t elapsed_ns(TimePoint from, TimePoint to) {
  return to <= from ? 0
                    : static_cast<std::uint64_t>(
                          std::chrono::duration_cast<std::chrono::nanoseconds>(to - from).count());
}

}  // namespace mlops
