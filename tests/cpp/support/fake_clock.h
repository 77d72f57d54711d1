#pragma once
// Time that moves when the test says so.

#include "base/clock.h"

namespace mlops::testing {

class FakeClock final : public Clock {
 public:
  TimePoint now() const override { return now_; }
  void advance(Duration by) { now_ += by; }

 private:
  TimePoint now_ = TimePoint() + std::chrono::hours(1);
};

}  // namespace mlops::testing
