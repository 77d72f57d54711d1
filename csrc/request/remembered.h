#pragma once
// Whether an answer was made for this request, or for an equal one: by a parameter of the answer,
// so that clients can see it too.

#include <algorithm>
#include <string_view>

#include "request/request.h"

namespace mlops {

inline constexpr std::string_view kCacheParameter = "cache";

// Its latency says nothing of the version that it comes from.
inline bool is_remembered(const Response& response) {
  return std::ranges::any_of(response.parameters, [](const Parameter& parameter) {
    return parameter.name == kCacheParameter;
  });
}

}  // namespace mlops
