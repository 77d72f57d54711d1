#pragma once
// Changes of routes that outlive the process. Any thread; blocks on disk.

#include <string>

#include "engine/engine.h"

namespace mlops {

class RouteControl {
 public:
  virtual ~RouteControl() = default;
  // In force and kept, or neither.
  virtual Result<RouteStatus> set(const std::string& model, RoutePlan plan) = 0;
  virtual Status clear(const std::string& model) = 0;
};

}  // namespace mlops
