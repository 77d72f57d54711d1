#pragma once
// The version part of a URL or gRPC message.

#include <cstdint>
#include <string_view>

#include "base/status.h"

namespace mlops {

// "" is kAnyVersion; otherwise a decimal number >= 0 that fits int64, else invalid_argument.
Result<std::int64_t> parse_model_version(std::string_view text);

}  // namespace mlops
