#pragma once
// How much is remembered of predictions, and for how long, until labels come.

#include <cstddef>

#include "base/clock.h"
#include "base/status.h"

namespace mlops {

struct FeedbackSettings {
  std::size_t bytes = std::size_t{16} << 20;  // of one model's predictions: about 200,000
  Duration keep = std::chrono::hours(24);     // a label that comes later is late
  Duration slot = std::chrono::minutes(10);   // quality is known by slots of time

  Status validate() const {
    if (bytes < 4096 || bytes > (std::size_t{1} << 36)) {
      return Status::invalid_argument("feedback: bytes must be 4096 to 64 GiB");
    }
    // As many slots as it takes, of about 10 KB each for each version.
    if (slot < std::chrono::seconds(1) || keep < slot || keep / slot > 10'000) {
      return Status::invalid_argument(
          "feedback: predictions must be kept for one slot of at least 1 s, at most for 10,000");
    }
    return {};
  }
};

}  // namespace mlops
