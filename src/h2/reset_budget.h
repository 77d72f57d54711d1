#pragma once
// Streams that end before their time, by the client's doing: some are normal, nothing but them is
// the "rapid reset" attack. A bucket of tokens. Pure.

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace mlops {

class ResetBudget {
 public:
  static constexpr std::int64_t kBurst = 2000;
  static constexpr std::int64_t kPerSecond = 200;

  // False: there are too many.
  bool take(TimePoint now) {
    if (now > since_) {
      const auto whole = std::chrono::floor<std::chrono::seconds>(now - since_);
      left_ = std::min(kBurst, left_ + std::min<std::int64_t>(whole.count(), kBurst) * kPerSecond);
      since_ += whole;
    }
    if (left_ == 0) return false;
    --left_;
    return true;
  }

 private:
  std::int64_t left_ = kBurst;
  TimePoint since_{};
};

}  // namespace mlops
