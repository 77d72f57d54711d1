#pragma once
// mlops.v1.FeedbackService: message bytes in, message bytes out. Thread-safe.

#include <string>
#include <string_view>

#include "engine/engine.h"

namespace mlops {

Result<std::string> answer_grpc_feedback(std::string_view message, Engine& engine);

}  // namespace mlops
