#pragma once
// Whether a server that could answer should get no requests for now, from what is known of the
// machine and of its models. Not thread-safe, no I/O: see health_facts.h for where facts come from.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "engine/stats.h"
#include "net/serving_state.h"

namespace mlops {

struct HealthLimits {
  Duration stuck_after = std::chrono::seconds(300);  // zero: never
  double memory_share_max = 0.97;                    // zero: never
  std::uint64_t disk_free_bytes_min = std::uint64_t{16} << 20;
};

struct HealthFacts {
  std::optional<double> memory_share;      // in use, of what there is; nullopt: not known
  std::optional<std::uint64_t> disk_free;  // bytes, of the fullest place that is written to
  std::vector<ModelStats> models;
};

// Each trouble with a text for the log, or nothing.
using Troubles = std::array<std::optional<std::string>, kTroubleCount>;

class HealthJudge {
 public:
  // Memory must fall some way below the limit before it is well again, or a server at the limit
  // would come and go.
  Troubles judge(const HealthLimits& limits, const HealthFacts& facts, TimePoint now);

 private:
  struct Progress {
    std::uint64_t executions = 0;
    bool waiting = false;  // requests were
    TimePoint since{};     // and nothing has been run
  };
  std::optional<std::string> stuck(const HealthLimits& limits, const HealthFacts& facts,
                                   TimePoint now);

  bool memory_short_ = false;
  std::map<std::pair<std::string, std::int64_t>, Progress> progress_;
};

}  // namespace mlops
