#include "admin/health_judge.h"

namespace mlops {
namespace {

constexpr double kMemoryRelief = 0.02;

std::string percent(double share) {
  return std::to_string(static_cast<int>(share * 100)) + " % of memory is in use";
}

}  // namespace

Troubles HealthJudge::judge(const HealthLimits& limits, const HealthFacts& facts, TimePoint now) {
  Troubles troubles;
  const auto at = [&troubles](Trouble trouble) -> std::optional<std::string>& {
    return troubles[static_cast<std::size_t>(trouble)];
  };
  const double limit = limits.memory_share_max - (memory_short_ ? kMemoryRelief : 0);
  memory_short_ = limits.memory_share_max > 0 && facts.memory_share && *facts.memory_share > limit;
  if (memory_short_) at(Trouble::memory) = percent(*facts.memory_share);
  if (facts.disk_free && *facts.disk_free < limits.disk_free_bytes_min) {
    at(Trouble::disk) = std::to_string(*facts.disk_free >> 20) + " MiB of disk are free";
  }
  at(Trouble::stuck) = stuck(limits, facts, now);
  return troubles;
}

// Requests wait, and nothing has been run since: lanes that are busy for ever, or gone.
std::optional<std::string> HealthJudge::stuck(const HealthLimits& limits, const HealthFacts& facts,
                                              TimePoint now) {
  std::optional<std::string> found;
  std::map<std::pair<std::string, std::int64_t>, Progress> current;
  for (const ModelStats& model : facts.models) {
    const auto key = std::make_pair(model.name, model.version);
    Progress& progress = current[key];
    progress = {model.executions, model.queued > 0, now};
    const auto before = progress_.find(key);
    if (before == progress_.end() || !progress.waiting || !before->second.waiting) continue;
    if (before->second.executions == model.executions) progress.since = before->second.since;
    if (limits.stuck_after > Duration::zero() && now - progress.since >= limits.stuck_after) {
      found = "requests of model '" + model.name + "' wait, and none has been run for too long";
    }
  }
  progress_ = std::move(current);
  return found;
}

}  // namespace mlops
