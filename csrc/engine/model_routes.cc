#include "engine/model_routes.h"

#include "base/in_quotes.h"

namespace mlops {
namespace {

Status no_route(const std::string& model) {
  return Status::not_found("model " + in_quotes(model) + " has no route");
}

bool keeps_state(const ModelInfo& info) { return info.config && info.config->sequence_batching; }

}  // namespace

RouteStatus ModelRoutes::status_of(const std::string& model, const RouteTable& table) const {
  RouteStatus status{model, table.plan(), {}, {}};
  for (const ShadowList::Shadow& shadow : table.shadows().shadows) {
    status.shadows.push_back(shadow.log->status());
    status.shadows.back().version = shadow.version;
    status.shadows.back().sample = shadow.sample;
  }
  if (table.guard()) status.guard = table.guard()->status();
  for (const RouteTable::Arm& arm : table.arms()) {
    const ArmCounts& counts = *arm.watch->counts();
    status.arms.push_back({arm.name, arm.version, arm.share, catalog_.find(model, arm.version).ok(),
                           counts.success.total(), counts.failure.total(),
                           counts.fell_back.total()});
  }
  return status;
}

Result<RouteStatus> ModelRoutes::status(const std::string& model) const {
  const auto table = book_.table(model);
  return table ? Result<RouteStatus>(status_of(model, *table)) : no_route(model);
}

std::vector<RouteStatus> ModelRoutes::all() const {
  std::vector<RouteStatus> all;
  for (const auto& [model, table] : book_.all()) all.push_back(status_of(model, *table));
  return all;
}

Status ModelRoutes::check_ready(const std::string& model, const RoutePlan& plan) const {
  const auto check = [&](const std::string& what, std::int64_t version) -> Status {
    const Result<ModelCatalog::Entry> found = catalog_.find(model, version);
    if (!found.ok()) {
      return Status::unavailable("route: " + what + " is version " + std::to_string(version) +
                                 " of model " + in_quotes(model) + ", which is not ready");
    }
    const bool divides = !plan.arms.empty() || !plan.shadows.empty();
    if (divides && keeps_state((*found)->info())) {
      return Status::invalid_argument(
          "route: model " + in_quotes(model) +
          " keeps state between requests; a sequence must stay with one version");
    }
    return {};
  };
  if (Status s = check("'stable'", plan.stable); !s.ok()) return s;
  for (const RouteArm& arm : plan.arms) {
    if (Status s = check("arm " + in_quotes(arm.name), arm.version); !s.ok()) return s;
  }
  for (const RouteShadow& shadow : plan.shadows) {
    if (Status s = check("a shadow", shadow.version); !s.ok()) return s;
    if ((*catalog_.find(model, shadow.version))->info().decoupled) {
      return Status::invalid_argument("route: a shadow of model " + in_quotes(model) +
                                      " answers in parts, which are not compared");
    }
  }
  return {};
}

Result<RouteStatus> ModelRoutes::set(const std::string& model, RoutePlan plan, RouteOrigin origin) {
  if (Status s = plan.validate(); !s.ok()) return s;
  if (Status s = check_model_name(model); !s.ok()) return s;
  if (origin == RouteOrigin::asked) {
    if (Status s = check_ready(model, plan); !s.ok()) return s;
  }
  if (!plan.shadows.empty()) runner_->start();
  const auto table = book_.set(model, std::move(plan));
  return table.ok() ? Result<RouteStatus>(status_of(model, **table)) : table.status();
}

bool ModelRoutes::is_calm(const std::string& model) const {
  const auto table = book_.table(model);
  if (!table) return false;  // the route is gone, and its shadows with it
  for (const RouteTable::Arm& arm : table->arms()) {
    const Result<ModelCatalog::Entry> version = catalog_.find(model, arm.version);
    if (version.ok() && (*version)->waiting() > 0) return false;
  }
  return true;
}

Status ModelRoutes::clear(const std::string& model) {
  return book_.remove(model) ? Status() : no_route(model);
}

std::int64_t ModelRoutes::stable(const std::string& model) const {
  const RouteTable* route = book_.find(model);
  if (!route || !catalog_.find(model, route->plan().stable).ok()) return kAnyVersion;
  return route->plan().stable;
}

}  // namespace mlops
