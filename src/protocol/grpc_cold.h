#pragma once
// Every gRPC method except ModelInfer: message bytes in, message bytes out, through generated
// protobuf code. Messages are without the five-byte gRPC prefix. Thread-safe; what blocks says so
// through grpc_method_blocks().

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "protocol/server_parts.h"

namespace mlops {

enum class GrpcMethod {
  server_live,
  server_ready,
  model_ready,
  server_metadata,
  model_metadata,
  model_infer,         // grpc_infer.h
  model_stream_infer,  // streams: not a unary method of this codec
  model_config,
  model_statistics,
  repository_index,
  repository_model_load,
  repository_model_unload,
  system_shared_memory_status,
  system_shared_memory_register,
  system_shared_memory_unregister,
  cuda_shared_memory_status,
  cuda_shared_memory_register,
  cuda_shared_memory_unregister,
  trace_setting,
  log_settings,
  give_feedback,
  health_check,
  health_watch,  // streams: one encode_health per change, see below
};

// From the :path header, "/inference.GRPCInferenceService/ServerLive"; nullopt when there is no
// such service or method (gRPC status 12 as well, with another text).
std::optional<GrpcMethod> grpc_method(std::string_view path);

// Answers one unary message of any method but model_infer, model_stream_infer and health_watch.
Result<std::string> answer_grpc_cold(GrpcMethod method, std::string_view message,
                                     const ServerParts& parts);

// True when answer_grpc_cold may take long: not to be called on an event loop's thread.
bool grpc_method_blocks(GrpcMethod method);

enum class ServingStatus { unknown = 0, serving = 1, not_serving = 2, service_unknown = 3 };

// For health_watch: which service the client asks about, its state now, and the message that says
// so.
// "" and "inference.GRPCInferenceService" are the whole server; anything else is service_unknown.
Result<std::string> decode_health_service(std::string_view message);
ServingStatus health_of(std::string_view service, const Engine& engine);
std::string encode_health(ServingStatus status);

// The protobuf runtime writes a line to stderr for each string that is not UTF-8, so any client
// could fill the log. Call once at start, before other threads.
void silence_protobuf_log();

}  // namespace mlops
