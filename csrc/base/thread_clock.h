#pragma once
// Processor time that the calling thread has used: what runs beside it does not count. Points in
// time of one thread mean nothing to another.

#include <time.h>

#include "base/clock.h"

namespace mlops {

class ThreadClock final : public Clock {
 public:
  TimePoint now() const override {
    timespec used{};
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return TimePoint(std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec));
  }
};

}  // namespace mlops
