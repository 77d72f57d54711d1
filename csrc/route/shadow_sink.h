#pragma once
// Where answered requests go that a shadow sees too. Thread-safe; never blocks, never fails.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "request/request.h"
#include "route/shadow_log.h"

namespace mlops {

struct ShadowJob {
  Request request;                        // for the shadow's version; its inputs are the primary's
  std::vector<NamedTensor> primary;       // what the primary answered
  std::shared_ptr<const void> model_pin;  // of the names in `primary`
  std::uint64_t primary_ns = 0;
  std::shared_ptr<ShadowLog> log;
};

class ShadowSink {
 public:
  virtual ~ShadowSink() = default;
  // Whether another job would be taken now, so that none is made in vain.
  virtual bool has_room() const noexcept = 0;
  // Takes it, or drops it and has its log say so.
  virtual void offer(ShadowJob&& job) noexcept = 0;
};

}  // namespace mlops
