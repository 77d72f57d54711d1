#pragma once
// The one table of who may do what: every HTTP route and every RPC is one of these calls, and each
// call has its line in call_rules.cc. Pure.

#include <array>
#include <cstdint>
#include <string_view>

#include "access/role.h"
#include "protocol/grpc_cold.h"

namespace mlops {

enum class ServerCall : std::uint8_t {
  health,  // live, ready, of the server and of a model
  metrics,
  server_metadata,
  model_metadata,
  model_config,
  statistics,
  infer,
  repository_index,
  repository_load,
  repository_unload,
  shared_memory_status,
  shared_memory_register,
  shared_memory_unregister,
  trace_read,
  trace_change,
  log_read,
  log_change,
  drift_read,
  drift_change,
  cache_change,
  feedback,
  route_read,
  route_change,
};
inline constexpr std::size_t kServerCallCount = 23;

// A call that a table must name: without a default, a table that forgets one does not compile.
struct CallOf {
  constexpr CallOf(ServerCall the_call) : call(the_call) {}
  ServerCall call;
};

struct CallRule {
  std::string_view name;  // in the audit log
  RoleSet roles;          // any one of them is enough
  bool administrative;    // belongs to the admin port when there is one, and into the audit log
};
const CallRule& rule_of(ServerCall call);

// A method without a line here does not compile. One gRPC method both reads and changes the trace
// settings, and another those of the log: they count as changing them.
constexpr ServerCall call_of(GrpcMethod method) {
  switch (method) {
    case GrpcMethod::server_live:
    case GrpcMethod::server_ready:
    case GrpcMethod::model_ready:
    case GrpcMethod::health_check:
    case GrpcMethod::health_watch:
      return ServerCall::health;
    case GrpcMethod::server_metadata:
      return ServerCall::server_metadata;
    case GrpcMethod::model_metadata:
      return ServerCall::model_metadata;
    case GrpcMethod::model_config:
      return ServerCall::model_config;
    case GrpcMethod::model_statistics:
      return ServerCall::statistics;
    case GrpcMethod::model_infer:
    case GrpcMethod::model_stream_infer:
      return ServerCall::infer;
    case GrpcMethod::repository_index:
      return ServerCall::repository_index;
    case GrpcMethod::repository_model_load:
      return ServerCall::repository_load;
    case GrpcMethod::repository_model_unload:
      return ServerCall::repository_unload;
    case GrpcMethod::system_shared_memory_status:
    case GrpcMethod::cuda_shared_memory_status:
      return ServerCall::shared_memory_status;
    case GrpcMethod::system_shared_memory_register:
    case GrpcMethod::cuda_shared_memory_register:
      return ServerCall::shared_memory_register;
    case GrpcMethod::system_shared_memory_unregister:
    case GrpcMethod::cuda_shared_memory_unregister:
      return ServerCall::shared_memory_unregister;
    case GrpcMethod::trace_setting:
      return ServerCall::trace_change;
    case GrpcMethod::log_settings:
      return ServerCall::log_change;
    case GrpcMethod::give_feedback:
      return ServerCall::feedback;
  }
  return ServerCall::repository_unload;  // no such method: the most guarded
}

// Which calls a port serves.
enum class Surface : std::uint8_t {
  everything,
  no_administration,  // there is an admin port
  administration      // is the admin port: everything but inference
};
bool serves(Surface surface, ServerCall call);

}  // namespace mlops
