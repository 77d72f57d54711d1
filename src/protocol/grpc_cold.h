#pragma once
// Every gRPC method except ModelInfer: message bytes in, message bytes out, through generated
// protobuf code. Messages are without the five-byte gRPC prefix. Thread-safe; nothing blocks.

#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "engine/engine.h"
#include "protocol/server_facts.h"

namespace mlops {

enum class GrpcMethod {
  server_live,
  server_ready,
  model_ready,
  server_metadata,
  model_metadata,
  model_infer,         // grpc_infer.h
  model_stream_infer,  // a later chapter: answered unimplemented
  model_config,
  repository_index,
  health_check,
  health_watch,    // streams: one encode_health per change, see below
  known_unserved,  // part of the service, not of this build: answered unimplemented
};

// From the :path header, "/inference.GRPCInferenceService/ServerLive"; nullopt when there is no
// such service or method (gRPC status 12 as well, with another text).
std::optional<GrpcMethod> grpc_method(std::string_view path);

// Answers one unary message of any method but model_infer, model_stream_infer and health_watch.
Result<std::string> answer_grpc_cold(GrpcMethod method, std::string_view message,
                                     const Engine& engine, const ServerFacts& facts);

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
