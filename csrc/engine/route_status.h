#pragma once
// A route in force and what came of it, as plain data.

#include <cstdint>
#include <string>
#include <vector>

#include "route/arm_guard.h"
#include "route/route_plan.h"
#include "route/shadow_log.h"

namespace mlops {

// Where a plan comes from: somebody asks for it now, or it was in force before a restart.
enum class RouteOrigin : std::uint8_t { asked, restored };

struct ArmStatus {
  std::string name;
  std::int64_t version = 0;
  std::uint16_t share = 0;
  bool ready = false;  // its version is loaded
  std::uint64_t success = 0;
  std::uint64_t failure = 0;
  std::uint64_t fell_back = 0;
};

struct RouteStatus {
  std::string model;
  RoutePlan plan;
  std::vector<ArmStatus> arms;  // the first is stable
  std::optional<GuardStatus> guard = {};
  std::vector<ShadowStatus> shadows = {};
};

}  // namespace mlops
