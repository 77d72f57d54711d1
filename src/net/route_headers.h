#pragma once
// Copies from a request's headers what its model's route looks at. Few models have a route, and few
// routes look at headers: then this is one look-up.

#include <algorithm>

#include "engine/engine.h"
#include "route/arm_watch.h"

namespace mlops {

// Calls `next(name, value)` until it says false; names in any case. The first of a name counts.
template <class NextField>
void take_route_headers(const Engine& engine, Request& request, NextField next) {
  const std::span<const std::string> wanted = engine.route_headers(request.model);
  if (wanted.empty() || request.version != kAnyVersion) return;
  const auto same = [](char x, char lower) {
    return (x >= 'A' && x <= 'Z' ? static_cast<char>(x + 32) : x) == lower;
  };
  std::string_view name;
  std::string_view value;
  while (next(name, value)) {
    for (const std::string& header : wanted) {
      if (!std::ranges::equal(name, header, same)) continue;
      if (!std::ranges::count(request.headers, header, &RequestHeader::name)) {
        request.headers.push_back({header, std::string(value)});
      }
    }
  }
}

// A `next` over headers that are kept.
inline auto next_of(std::span<const RequestHeader> headers) {
  return [headers](std::string_view& name, std::string_view& value) mutable {
    if (headers.empty()) return false;
    name = headers.front().name;
    value = headers.front().value;
    headers = headers.subspan(1);
    return true;
  };
}

// What the answer says about the arm that gave it; empty: no route chose it.
inline std::string_view arm_of(const Response& response) {
  for (const Parameter& parameter : response.parameters) {
    if (parameter.name != kRouteArmParameter) continue;
    if (const auto* arm = std::get_if<std::string>(&parameter.value)) return *arm;
  }
  return {};
}

}  // namespace mlops
