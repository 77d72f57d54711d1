#include "grpc/grpc_names.h"

#include <array>

#include "protocol/grpc_cold.h"

namespace mlops {

static_assert(static_cast<std::size_t>(GrpcMethod::health_watch) + 1 == kGrpcUnknownMethod);

std::string_view grpc_method_name(std::size_t method) {
  constexpr std::array<std::string_view, kGrpcMethodCount> kNames = {"ServerLive",
                                                                     "ServerReady",
                                                                     "ModelReady",
                                                                     "ServerMetadata",
                                                                     "ModelMetadata",
                                                                     "ModelInfer",
                                                                     "ModelStreamInfer",
                                                                     "ModelConfig",
                                                                     "ModelStatistics",
                                                                     "RepositoryIndex",
                                                                     "RepositoryModelLoad",
                                                                     "RepositoryModelUnload",
                                                                     "SystemSharedMemoryStatus",
                                                                     "SystemSharedMemoryRegister",
                                                                     "SystemSharedMemoryUnregister",
                                                                     "CudaSharedMemoryStatus",
                                                                     "CudaSharedMemoryRegister",
                                                                     "CudaSharedMemoryUnregister",
                                                                     "TraceSetting",
                                                                     "LogSettings",
                                                                     "GiveFeedback",
                                                                     "Health.Check",
                                                                     "Health.Watch",
                                                                     "unknown"};
  return method < kNames.size() ? kNames[method] : "unknown";
}

std::string_view grpc_status_name(std::size_t status) {
  constexpr std::array<std::string_view, kGrpcStatusCount> kNames = {"OK",
                                                                     "CANCELLED",
                                                                     "UNKNOWN",
                                                                     "INVALID_ARGUMENT",
                                                                     "DEADLINE_EXCEEDED",
                                                                     "NOT_FOUND",
                                                                     "ALREADY_EXISTS",
                                                                     "PERMISSION_DENIED",
                                                                     "RESOURCE_EXHAUSTED",
                                                                     "FAILED_PRECONDITION",
                                                                     "ABORTED",
                                                                     "OUT_OF_RANGE",
                                                                     "UNIMPLEMENTED",
                                                                     "INTERNAL",
                                                                     "UNAVAILABLE",
                                                                     "DATA_LOSS",
                                                                     "UNAUTHENTICATED"};
  return status < kNames.size() ? kNames[status] : "UNKNOWN";
}

}  // namespace mlops
