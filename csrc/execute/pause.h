#pragma once
// How back ends that pretend to work pass time, so that tests need not.

#include <memory>
#include <stop_token>

#include "base/clock.h"

namespace mlops {

class Pause {
 public:
  virtual ~Pause() = default;
  // Returns after `time`, or early when `stop` is requested. Any thread, several at a time.
  virtual void pass(Duration time, const std::stop_token& stop) = 0;
};

std::shared_ptr<Pause> real_pause();

}  // namespace mlops
