#include "protocol/repository_json.h"

#include "protocol/base64.h"
#include "protocol/config_json.h"
#include "protocol/decode_limits.h"
#include "protocol/json_cursor.h"
#include "protocol/json_fields.h"
#include "protocol/json_writer.h"

namespace mlops {
namespace {

constexpr std::size_t kRepositoryDepthMax = 100;
constexpr std::string_view kFile = "file:";

bool only_space(std::string_view body) {
  return body.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

// Calls `member(json, key)` for each member of the body's object, if there is one.
template <class Member>
Status read_body(std::string_view body, Member member) {
  if (only_space(body)) return {};
  JsonCursor json(body, kRepositoryDepthMax);
  if (json.peek() != JsonKind::object) {
    return Status::invalid_argument("failed to parse the request JSON: expected an object");
  }
  std::string_view key;
  for (json.enter_object(); json.next_key(key);) {
    if (Status s = member(json, key); !s.ok()) return s;
  }
  json.finish();
  return json.status();
}

// The same for what is under "parameters".
template <class Member>
Status read_parameters(std::string_view body, Member member) {
  return read_body(body, [&](JsonCursor& json, std::string_view key) -> Status {
    if (key != "parameters") {
      json.skip();
      return {};
    }
    if (Status s = expect_json(json, "parameters", JsonKind::object); !s.ok()) return s;
    std::string_view name;
    for (json.enter_object(); json.next_key(name);) {
      if (Status s = member(json, std::string(name)); !s.ok()) return s;
    }
    return {};
  });
}

}  // namespace

Result<bool> decode_index_request(std::string_view body) {
  bool ready = false;
  const Status status = read_body(body, [&](JsonCursor& json, std::string_view key) -> Status {
    if (key != "ready") {
      json.skip();
      return {};
    }
    if (json.peek() != JsonKind::boolean) {
      return Status::invalid_argument("Invalid value for 'ready': expected a boolean");
    }
    ready = json.boolean();
    return {};
  });
  if (!status.ok()) return status;
  return ready;
}

Result<bool> decode_unload_request(std::string_view body) {
  bool dependents = false;
  const Status status =
      read_parameters(body, [&](JsonCursor& json, const std::string& name) -> Status {
        if (name == "unload_dependents") return read_json_boolean(json, name, dependents);
        json.skip();
        return {};
      });
  if (!status.ok()) return status;
  return dependents;
}

Result<LoadRequest> decode_load_request(const std::string& model, std::string_view body) {
  LoadRequest request;
  request.model = model;
  const Status status =
      read_parameters(body, [&](JsonCursor& json, const std::string& name) -> Status {
        const bool is_file = name.starts_with(kFile);
        if (!is_file && name != "config") {
          return Status::invalid_argument("unknown load parameter '" + name.substr(0, 64) +
                                          "'; there are 'config' and 'file:<version>/<name>'");
        }
        if (json.peek() != JsonKind::string) {
          return unable_to_parse(name.substr(0, 64), "expected a string");
        }
        const std::string_view value = json.string();
        if (!json.ok()) return json.status();
        if (!is_file) return set_load_config(request, value);
        std::optional<std::string> content = decode_base64(value);
        if (!content) return unable_to_parse(name.substr(0, 64), "it is not base64");
        return add_load_file(request, name, *std::move(content));
      });
  if (!status.ok()) return status;
  return request;
}

Status set_load_config(LoadRequest& request, std::string_view json) {
  const auto failed = [&](const Status& status) {
    return Status(status.code(),
                  "failed to load '" + request.model + "': config: " + status.message());
  };
  const Result<ConfigValue> tree = parse_config_json(json);
  if (!tree.ok()) return failed(tree.status());
  Result<ReadModelConfig> read = read_model_config(*tree);
  if (!read.ok()) return failed(read.status());
  request.config = std::make_shared<const ModelConfig>(std::move(read->config));
  return {};
}

Status add_load_file(LoadRequest& request, std::string_view parameter, std::string content) {
  if (!parameter.starts_with(kFile)) {
    return Status::invalid_argument("unknown load parameter '" +
                                    std::string(parameter.substr(0, 64)) + "'");
  }
  request.files.push_back({std::string(parameter.substr(kFile.size())), std::move(content)});
  return {};
}

std::vector<IndexEntry> index_entries(const ServerParts& parts, bool ready_only) {
  if (parts.repository) return parts.repository->index(ready_only);
  std::vector<IndexEntry> entries;
  for (const ModelInfo& info : parts.engine.models()) {
    entries.push_back({info.name, info.version, ModelState::ready, {}});
  }
  return entries;
}

Status load_model(const ServerParts& parts, LoadRequest request) {
  if (!parts.repository) return Status::unimplemented("this server has no model repository");
  return parts.repository->load(std::move(request));
}

Status unload_model(const ServerParts& parts, const std::string& model, bool dependents) {
  if (!parts.repository) return Status::unimplemented("this server has no model repository");
  return parts.repository->unload(model, dependents);
}

std::string repository_index_json(const std::vector<IndexEntry>& entries) {
  JsonWriter json;
  json.array();
  for (const IndexEntry& entry : entries) {
    json.object().key("name").string(entry.name);
    if (entry.version != 0) json.key("version").string(std::to_string(entry.version));
    if (entry.version != 0 || !entry.reason.empty()) {
      json.key("state").string(state_name(entry.state)).key("reason").string(entry.reason);
    }
    json.end_object();
  }
  json.end_array();
  return json.take();
}

}  // namespace mlops
