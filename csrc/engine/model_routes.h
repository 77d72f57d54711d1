#pragma once
// The engine's routes: the book, and what may be written in it given the versions that are loaded.
// Thread-safe.

#include "engine/pipeline.h"
#include "engine/route_status.h"

namespace mlops {

class ModelRoutes {
 public:
  // `catalog` must outlive this.
  explicit ModelRoutes(const ModelCatalog& catalog) : catalog_(catalog) {}

  const RouteBook& book() const { return book_; }
  Result<RouteStatus> status(const std::string& model) const;
  std::vector<RouteStatus> all() const;
  Result<RouteStatus> set(const std::string& model, RoutePlan plan, RouteOrigin origin);
  Status clear(const std::string& model);
  // kAnyVersion: there is no route, or its stable version is not loaded.
  std::int64_t stable(const std::string& model) const;

 private:
  Status check_ready(const std::string& model, const RoutePlan& plan) const;
  RouteStatus status_of(const std::string& model, const RouteTable& table) const;

  const ModelCatalog& catalog_;
  RouteBook book_;
};

}  // namespace mlops
