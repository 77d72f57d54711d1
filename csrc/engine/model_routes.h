#pragma once
// The engine's routes: the book, and what may be written in it given the versions that are loaded.
// Thread-safe.

#include "engine/pipeline.h"
#include "engine/route_status.h"
#include "engine/shadow_runner.h"

namespace mlops {

class ModelRoutes {
 public:
  // What `parts` refers to must outlive this.
  ModelRoutes(const ModelCatalog& catalog, ShadowRunner::Parts parts)
      : catalog_(catalog),
        runner_(std::make_shared<ShadowRunner>(std::move(parts))),
        book_(runner_) {}

  const RouteBook& book() const { return book_; }
  Result<RouteStatus> status(const std::string& model) const;
  std::vector<RouteStatus> all() const;
  Result<RouteStatus> set(const std::string& model, RoutePlan plan, RouteOrigin origin);
  Status clear(const std::string& model);
  // kAnyVersion: there is no route, or its stable version is not loaded.
  std::int64_t stable(const std::string& model) const;
  // Whether what answers the model's requests has nothing waiting.
  bool is_calm(const std::string& model) const;
  ShadowRunner& shadows() { return *runner_; }

 private:
  Status check_ready(const std::string& model, const RoutePlan& plan) const;
  RouteStatus status_of(const std::string& model, const RouteTable& table) const;

  const ModelCatalog& catalog_;
  const std::shared_ptr<ShadowRunner> runner_;
  RouteBook book_;
};

}  // namespace mlops
