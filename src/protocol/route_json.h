#pragma once
// A model's route as JSON, in and out; docs/routing.md says what its members mean. Pure functions.

#include <map>
#include <string>
#include <string_view>

#include "engine/engine.h"

namespace mlops {

// An unknown or a doubled member is an error; "state", which answers have, is not looked at, so
// that what was read can be written again.
Result<RoutePlan> parse_route(std::string_view body);
std::string route_json(const RouteStatus& status);

// The routes of all models, as they are kept between two lives of a server.
Result<std::map<std::string, RoutePlan>> parse_routes(std::string_view text);
std::string routes_json(const std::map<std::string, RoutePlan>& routes);

// Which arm a unit gets, but for rules and overrides.
std::string explain_route_json(const RouteStatus& status, std::string_view unit);

}  // namespace mlops
