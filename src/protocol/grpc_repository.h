#pragma once
// The model repository extension over gRPC: one message in, one message out. All three block.

#include <string>
#include <string_view>

#include "base/status.h"
#include "protocol/server_parts.h"

namespace mlops {

Result<std::string> answer_repository_index(std::string_view message, const ServerParts& parts);
Result<std::string> answer_repository_load(std::string_view message, const ServerParts& parts);
Result<std::string> answer_repository_unload(std::string_view message, const ServerParts& parts);

}  // namespace mlops
