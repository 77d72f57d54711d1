#include "batch/queue_policy.h"

#include <algorithm>
#include <variant>

#include "base/deadline.h"

namespace mlops {
namespace {

std::uint64_t asked_level(const Request& request) {
  for (const Parameter& parameter : request.parameters) {
    if (parameter.name != "priority") continue;
    if (const auto* level = std::get_if<std::uint64_t>(&parameter.value)) return *level;
    const auto* level = std::get_if<std::int64_t>(&parameter.value);
    return level && *level > 0 ? static_cast<std::uint64_t>(*level) : 0;
  }
  return 0;
}

}  // namespace

std::uint64_t priority_level(const DynamicBatching& batching, const Request& request) {
  if (batching.priority_levels == 0) return 0;
  const std::uint64_t asked = asked_level(request);
  const bool known = asked >= 1 && asked <= batching.priority_levels;
  return known ? asked : batching.default_priority_level;
}

const QueuePolicy& policy_of_level(const DynamicBatching& batching, std::uint64_t level) {
  const auto own = batching.priority_queue_policy.find(level);
  return own == batching.priority_queue_policy.end() ? batching.default_queue_policy : own->second;
}

TimePoint queue_expiry(const QueuePolicy& policy, const Request& request, TimePoint now) {
  const auto expiry = [now](std::uint64_t us) { return us == 0 ? kNever : after_us(now, us); };
  const TimePoint standard = expiry(policy.default_timeout_us);
  if (!policy.allow_timeout_override) return standard;
  return std::min(standard, expiry(request.timeout_us));
}

}  // namespace mlops
