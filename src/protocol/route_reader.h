#pragma once
// Reads a route's object out of JSON text.

#include "protocol/json_fields.h"
#include "route/route_plan.h"

namespace mlops {

// The cursor stands before the object. What is read may still be no valid plan.
Status read_route(JsonCursor& json, RoutePlan& plan);

}  // namespace mlops
