#pragma once
// Which model or region an administrative call is about, for the audit log.

#include <string>
#include <string_view>

#include "protocol/grpc_cold.h"

namespace mlops {

// Empty: none, all of them, or a message that says nothing.
std::string grpc_subject(GrpcMethod method, std::string_view message);

}  // namespace mlops
