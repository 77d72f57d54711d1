#pragma once
// Names of methods and statuses, for metrics.

#include <cstddef>
#include <string_view>

namespace mlops {

// GrpcMethod's values, and one more for calls of methods that do not exist.
inline constexpr std::size_t kGrpcMethodCount = 24;
inline constexpr std::size_t kGrpcUnknownMethod = kGrpcMethodCount - 1;
inline constexpr std::size_t kGrpcStatusCount = 17;

std::string_view grpc_method_name(std::size_t method);
std::string_view grpc_status_name(std::size_t status);

}  // namespace mlops
