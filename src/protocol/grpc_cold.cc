#include "protocol/grpc_cold.h"

#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "protocol/grpc_cold_parse.h"
#include "protocol/grpc_feedback.h"
#include "protocol/grpc_repository.h"
#include "protocol/grpc_shared_memory.h"
#include "protocol/health.pb.h"
#include "protocol/kserve.pb.h"
#include "protocol/model_config.h"
#include "protocol/model_version.h"
#include "protocol/statistics.h"

namespace mlops {
namespace {

constexpr std::string_view kInferenceService = "inference.GRPCInferenceService";
constexpr std::string_view kFeedbackService = "mlops.v1.FeedbackService";
constexpr std::string_view kHealthService = "grpc.health.v1.Health";

struct Named {
  std::string_view name;
  GrpcMethod method;
};

constexpr std::array kInferenceMethods = {
    Named{"ModelInfer", GrpcMethod::model_infer},
    Named{"ServerLive", GrpcMethod::server_live},
    Named{"ServerReady", GrpcMethod::server_ready},
    Named{"ModelReady", GrpcMethod::model_ready},
    Named{"ServerMetadata", GrpcMethod::server_metadata},
    Named{"ModelMetadata", GrpcMethod::model_metadata},
    Named{"ModelConfig", GrpcMethod::model_config},
    Named{"RepositoryIndex", GrpcMethod::repository_index},
    Named{"ModelStreamInfer", GrpcMethod::model_stream_infer},
    Named{"ModelStatistics", GrpcMethod::model_statistics},
    Named{"RepositoryModelLoad", GrpcMethod::repository_model_load},
    Named{"RepositoryModelUnload", GrpcMethod::repository_model_unload},
    Named{"SystemSharedMemoryStatus", GrpcMethod::system_shared_memory_status},
    Named{"SystemSharedMemoryRegister", GrpcMethod::system_shared_memory_register},
    Named{"SystemSharedMemoryUnregister", GrpcMethod::system_shared_memory_unregister},
    Named{"CudaSharedMemoryStatus", GrpcMethod::cuda_shared_memory_status},
    Named{"CudaSharedMemoryRegister", GrpcMethod::cuda_shared_memory_register},
    Named{"CudaSharedMemoryUnregister", GrpcMethod::cuda_shared_memory_unregister},
    Named{"TraceSetting", GrpcMethod::trace_setting},
    Named{"LogSettings", GrpcMethod::log_settings},
};

constexpr std::array kFeedbackMethods = {
    Named{"GiveFeedback", GrpcMethod::give_feedback},
};

constexpr std::array kHealthMethods = {
    Named{"Check", GrpcMethod::health_check},
    Named{"Watch", GrpcMethod::health_watch},
};

template <class Request>
Result<ModelInfo> find_model(std::string_view message, const Engine& engine) {
  const auto request = parse_grpc<Request>(message);
  if (!request.ok()) return request.status();
  const auto version = parse_model_version(request->version());
  if (!version.ok()) return version.status();
  return engine.info(request->name(), *version);
}

Result<std::string> model_ready(std::string_view message, const Engine& engine) {
  const auto info = find_model<inference::ModelReadyRequest>(message, engine);
  const Code code = info.status().code();
  if (code != Code::ok && code != Code::unavailable && code != Code::not_found) {
    return info.status();
  }
  inference::ModelReadyResponse reply;
  reply.set_ready(info.ok());
  return reply.SerializeAsString();
}

Result<std::string> server_metadata(const ServerFacts& facts) {
  inference::ServerMetadataResponse reply;
  reply.set_name(facts.name);
  reply.set_version(facts.version);
  for (const std::string& extension : facts.extensions) reply.add_extensions(extension);
  return reply.SerializeAsString();
}

void fill(inference::ModelMetadataResponse::TensorMetadata& tensor, const TensorSpec& spec) {
  tensor.set_name(spec.name);
  tensor.set_datatype(std::string(kserve_name(spec.dtype)));
  for (const std::int64_t dim : spec.dims) tensor.add_shape(dim);
}

Result<std::string> model_metadata(std::string_view message, const Engine& engine) {
  const auto info = find_model<inference::ModelMetadataRequest>(message, engine);
  if (!info.ok()) return info.status();
  inference::ModelMetadataResponse reply;
  reply.set_name(info->name);
  for (const std::int64_t version : info->versions) reply.add_versions(std::to_string(version));
  reply.set_platform(info->platform);
  for (const TensorSpec& spec : info->signature.inputs) fill(*reply.add_inputs(), spec);
  for (const TensorSpec& spec : info->signature.outputs) fill(*reply.add_outputs(), spec);
  return reply.SerializeAsString();
}

Result<std::string> model_config(std::string_view message, const Engine& engine) {
  const auto info = find_model<inference::ModelConfigRequest>(message, engine);
  if (!info.ok()) return info.status();
  inference::ModelConfigResponse reply;
  *reply.mutable_config() = make_model_config(*info);
  return reply.SerializeAsString();
}

Result<std::string> model_statistics(std::string_view message, const Engine& engine) {
  const auto request = parse_grpc<inference::ModelStatisticsRequest>(message);
  if (!request.ok()) return request.status();
  const auto models = select_statistics(engine, request->name(), request->version());
  if (!models.ok()) return models.status();
  return statistics_proto(*models);
}

Result<std::string> health_check(std::string_view message, const Engine& engine) {
  const auto service = decode_health_service(message);
  if (!service.ok()) return service.status();
  const ServingStatus status = health_of(*service, engine);
  if (status == ServingStatus::service_unknown) return Status::not_found("unknown service");
  return encode_health(status);
}

// Requests without fields: anything well-formed will do.
template <class Request, class Reply, class Set>
Result<std::string> plain(std::string_view message, const Set& set) {
  const auto request = parse_grpc<Request>(message);
  if (!request.ok()) return request.status();
  Reply reply;
  set(reply);
  return reply.SerializeAsString();
}

}  // namespace

std::optional<GrpcMethod> grpc_method(std::string_view path) {
  if (!path.starts_with('/')) return std::nullopt;
  path.remove_prefix(1);
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view service = path.substr(0, slash);
  const std::string_view name = path.substr(slash + 1);
  const auto find = [&](const auto& methods) -> std::optional<GrpcMethod> {
    const auto found = std::ranges::find(methods, name, &Named::name);
    if (found == methods.end()) return std::nullopt;
    return found->method;
  };
  if (service == kInferenceService) return find(kInferenceMethods);
  if (service == kFeedbackService) return find(kFeedbackMethods);
  if (service == kHealthService) return find(kHealthMethods);
  return std::nullopt;
}

Result<std::string> answer_grpc_cold(GrpcMethod method, std::string_view message,
                                     const ServerParts& parts) {
  Engine& engine = parts.engine;
  switch (method) {
    case GrpcMethod::server_live:
      return plain<inference::ServerLiveRequest, inference::ServerLiveResponse>(
          message, [](auto& reply) { reply.set_live(true); });
    case GrpcMethod::server_ready:
      return plain<inference::ServerReadyRequest, inference::ServerReadyResponse>(
          message, [&](auto& reply) { reply.set_ready(engine.ready()); });
    case GrpcMethod::model_ready:
      return model_ready(message, engine);
    case GrpcMethod::server_metadata:
      return server_metadata(parts.facts);
    case GrpcMethod::model_metadata:
      return model_metadata(message, engine);
    case GrpcMethod::model_config:
      return model_config(message, engine);
    case GrpcMethod::model_statistics:
      return model_statistics(message, engine);
    case GrpcMethod::repository_index:
      return answer_repository_index(message, parts);
    case GrpcMethod::repository_model_load:
      return answer_repository_load(message, parts);
    case GrpcMethod::repository_model_unload:
      return answer_repository_unload(message, parts);
    case GrpcMethod::system_shared_memory_status:
    case GrpcMethod::system_shared_memory_register:
    case GrpcMethod::system_shared_memory_unregister:
    case GrpcMethod::cuda_shared_memory_status:
    case GrpcMethod::cuda_shared_memory_register:
    case GrpcMethod::cuda_shared_memory_unregister:
      return answer_grpc_shared_memory(method, message, parts.shared_memory);
    case GrpcMethod::trace_setting:
      if (!parts.trace) return Status::unavailable("the server does not support trace");
      return answer_grpc_trace_setting(message, engine, *parts.trace);
    case GrpcMethod::log_settings:
      if (!parts.log) return Status::unavailable("the server does not support dynamic logging");
      return answer_grpc_log_settings(message, *parts.log);
    case GrpcMethod::give_feedback:
      return answer_grpc_feedback(message, engine);
    case GrpcMethod::health_check:
      return health_check(message, engine);
    case GrpcMethod::model_infer:
    case GrpcMethod::health_watch:
      return Status::internal("not a unary method of this codec");
    default:
      return Status::unimplemented("this server does not support the method yet");
  }
}

bool grpc_method_blocks(GrpcMethod method) {
  return method == GrpcMethod::give_feedback || method == GrpcMethod::repository_index ||
         method == GrpcMethod::repository_model_load ||
         method == GrpcMethod::repository_model_unload;
}

Result<std::string> decode_health_service(std::string_view message) {
  const auto request = parse_grpc<::grpc::health::v1::HealthCheckRequest>(message);
  if (!request.ok()) return request.status();
  return request->service();
}

ServingStatus health_of(std::string_view service, const Engine& engine) {
  if (!service.empty() && service != kInferenceService) return ServingStatus::service_unknown;
  return engine.ready() ? ServingStatus::serving : ServingStatus::not_serving;
}

void silence_protobuf_log() { google::protobuf::SetLogHandler(nullptr); }

std::string encode_health(ServingStatus status) {
  using Reply = ::grpc::health::v1::HealthCheckResponse;
  Reply reply;
  reply.set_status(static_cast<Reply::ServingStatus>(status));
  return reply.SerializeAsString();
}

}  // namespace mlops
