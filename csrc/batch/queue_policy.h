#pragma once
// What a configuration's dynamic_batching says about one request in the queue: its priority level,
// how long it may wait, and how many may wait with it. Pure.

#include <cstdint>

#include "base/clock.h"
#include "model/model_config.h"
#include "request/request.h"

namespace mlops {

// From 1, the highest, to priority_levels; 0 for models without levels. A request that names none,
// zero or one beyond the last gets the default one.
std::uint64_t priority_level(const DynamicBatching& batching, const Request& request);

const QueuePolicy& policy_of_level(const DynamicBatching& batching, std::uint64_t level);

// When the request's time in the queue is over. What it asks for itself counts only where the
// policy allows that, and only to shorten the default.
TimePoint queue_expiry(const QueuePolicy& policy, const Request& request, TimePoint now);

}  // namespace mlops
