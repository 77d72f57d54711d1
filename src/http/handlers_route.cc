#include "http/handlers.h"
#include "protocol/route_json.h"

namespace mlops {
namespace {

HttpAnswer not_here() {
  return failure(Status::unimplemented("this server was started without routes"));
}

}  // namespace

HttpAnswer get_route(const HttpService& service, const HttpAsk& ask) {
  const Result<RouteStatus> status = service.parts.engine.route(ask.model);
  return status.ok() ? HttpAnswer{.body = route_json(*status)} : failure(status.status());
}

HttpAnswer set_route(const HttpService& service, const HttpAsk& ask) {
  if (!service.parts.routes) return not_here();
  Result<RoutePlan> plan = parse_route(ask.text());
  if (!plan.ok()) return failure(plan.status());
  const Result<RouteStatus> status = service.parts.routes->set(ask.model, *std::move(plan));
  return status.ok() ? HttpAnswer{.body = route_json(*status)} : failure(status.status());
}

HttpAnswer clear_route(const HttpService& service, const HttpAsk& ask) {
  return service.parts.routes ? answer_done(service.parts.routes->clear(ask.model)) : not_here();
}

HttpAnswer explain_route(const HttpService& service, const HttpAsk& ask) {
  const Result<RouteStatus> status = service.parts.engine.route(ask.model);
  return status.ok() ? HttpAnswer{.body = explain_route_json(*status, ask.region)}
                     : failure(status.status());
}

}  // namespace mlops
