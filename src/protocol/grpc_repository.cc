#include "protocol/grpc_repository.h"

#include "protocol/kserve.pb.h"
#include "protocol/repository_json.h"

namespace mlops {
namespace {

using LoadParameter = inference::ModelRepositoryParameter;

template <class Message>
Result<Message> parse(std::string_view bytes) {
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Status::invalid_argument("malformed " + message.GetTypeName());
  }
  if (!message.repository_name().empty()) {
    return Status::unimplemented("'repository_name' specification is not supported");
  }
  return message;
}

Status add_parameter(LoadRequest& request, const std::string& name,
                     const LoadParameter& parameter) {
  if (name == "config") {
    if (parameter.parameter_choice_case() != LoadParameter::kStringParam) {
      return Status::invalid_argument("load parameter 'config' must be a string");
    }
    return set_load_config(request, parameter.string_param());
  }
  if (name.starts_with("file:") &&
      parameter.parameter_choice_case() != LoadParameter::kBytesParam) {
    return Status::invalid_argument("load parameter '" + name.substr(0, 64) + "' must be bytes");
  }
  return add_load_file(request, name, parameter.bytes_param());
}

}  // namespace

Result<std::string> answer_repository_index(std::string_view message, const ServerParts& parts) {
  const auto request = parse<inference::RepositoryIndexRequest>(message);
  if (!request.ok()) return request.status();
  inference::RepositoryIndexResponse reply;
  for (const IndexEntry& entry : index_entries(parts, request->ready())) {
    auto& model = *reply.add_models();
    model.set_name(entry.name);
    if (entry.version != 0) model.set_version(std::to_string(entry.version));
    if (entry.version == 0 && entry.reason.empty()) continue;
    model.set_state(std::string(state_name(entry.state)));
    model.set_reason(entry.reason);
  }
  return reply.SerializeAsString();
}

Result<std::string> answer_repository_load(std::string_view message, const ServerParts& parts) {
  const auto request = parse<inference::RepositoryModelLoadRequest>(message);
  if (!request.ok()) return request.status();
  LoadRequest load;
  load.model = request->model_name();
  for (const auto& [name, parameter] : request->parameters()) {
    if (Status s = add_parameter(load, name, parameter); !s.ok()) return s;
  }
  if (Status s = load_model(parts, std::move(load)); !s.ok()) return s;
  return inference::RepositoryModelLoadResponse().SerializeAsString();
}

Result<std::string> answer_repository_unload(std::string_view message, const ServerParts& parts) {
  const auto request = parse<inference::RepositoryModelUnloadRequest>(message);
  if (!request.ok()) return request.status();
  bool dependents = false;
  for (const auto& [name, parameter] : request->parameters()) {
    if (name != "unload_dependents") continue;
    if (parameter.parameter_choice_case() != LoadParameter::kBoolParam) {
      return Status::invalid_argument("parameter 'unload_dependents' must be a boolean");
    }
    dependents = parameter.bool_param();
  }
  if (Status s = unload_model(parts, request->model_name(), dependents); !s.ok()) return s;
  return inference::RepositoryModelUnloadResponse().SerializeAsString();
}

}  // namespace mlops
