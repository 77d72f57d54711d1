#include "protocol/metadata_json.h"

#include "protocol/json_writer.h"
#include "protocol/model_config.h"

namespace mlops {
namespace {

void write_tensors(JsonWriter& json, std::string_view key, const std::vector<TensorSpec>& specs) {
  json.key(key).array();
  for (const TensorSpec& spec : specs) {
    json.object().key("name").string(spec.name).key("datatype").string(kserve_name(spec.dtype));
    json.key("shape").integers(spec.dims).end_object();
  }
  json.end_array();
}

void write_inputs(JsonWriter& json, const inference::ModelConfig& config) {
  json.key("input").array();
  for (const auto& input : config.input()) {
    json.object().key("name").string(input.name());
    json.key("data_type").string(inference::DataType_Name(input.data_type()));
    json.key("format").string("FORMAT_NONE").key("dims").integers(input.dims());
    json.key("is_shape_tensor").boolean(false).key("allow_ragged_batch").boolean(false);
    json.key("optional").boolean(false).end_object();
  }
  json.end_array();
}

void write_outputs(JsonWriter& json, const inference::ModelConfig& config) {
  json.key("output").array();
  for (const auto& output : config.output()) {
    json.object().key("name").string(output.name());
    json.key("data_type").string(inference::DataType_Name(output.data_type()));
    json.key("dims").integers(output.dims()).key("label_filename").string("");
    json.key("is_shape_tensor").boolean(false).end_object();
  }
  json.end_array();
}

void write_instance_groups(JsonWriter& json, const inference::ModelConfig& config) {
  json.key("instance_group").array();
  for (const auto& group : config.instance_group()) {
    json.object().key("name").string(group.name());
    json.key("kind").string(inference::ModelInstanceGroup::Kind_Name(group.kind()));
    json.key("count").integer(group.count()).key("gpus").array().end_array();
    json.key("profile").array().end_array().key("passive").boolean(false);
    json.key("host_policy").string("").end_object();
  }
  json.end_array();
}

void write_scheduling(JsonWriter& json, const inference::ModelConfig& config) {
  if (!config.has_dynamic_batching()) return;
  const auto& batching = config.dynamic_batching();
  json.key("dynamic_batching").object();
  json.key("preferred_batch_size").integers(batching.preferred_batch_size());
  json.key("max_queue_delay_microseconds");
  json.integer(static_cast<std::int64_t>(batching.max_queue_delay_microseconds()));
  json.key("preserve_ordering").boolean(false).end_object();
}

}  // namespace

std::string server_metadata_json(const ServerFacts& facts) {
  JsonWriter json;
  json.object().key("name").string(facts.name).key("version").string(facts.version);
  json.key("extensions").array();
  for (const std::string& extension : facts.extensions) json.string(extension);
  json.end_array().end_object();
  return json.take();
}

std::string model_metadata_json(const ModelInfo& info) {
  JsonWriter json;
  json.object().key("name").string(info.name).key("versions").array();
  for (const std::int64_t version : info.versions) json.string(std::to_string(version));
  json.end_array().key("platform").string(info.platform);
  write_tensors(json, "inputs", info.signature.inputs);
  write_tensors(json, "outputs", info.signature.outputs);
  json.end_object();
  return json.take();
}

std::string model_config_json(const ModelInfo& info) {
  const inference::ModelConfig config = make_model_config(info);
  JsonWriter json;
  json.object().key("name").string(config.name()).key("platform").string(config.platform());
  json.key("backend").string(config.backend()).key("version_policy").object();
  json.key("latest").object().key("num_versions");
  json.integer(config.version_policy().latest().num_versions()).end_object().end_object();
  json.key("max_batch_size").integer(config.max_batch_size());
  write_inputs(json, config);
  write_outputs(json, config);
  write_scheduling(json, config);
  write_instance_groups(json, config);
  json.key("default_model_filename").string(config.default_model_filename());
  json.key("parameters").object().end_object();
  json.key("model_transaction_policy").object();
  json.key("decoupled").boolean(config.model_transaction_policy().decoupled()).end_object();
  json.key("response_cache").object();
  json.key("enable").boolean(config.response_cache().enable()).end_object().end_object();
  return json.take();
}

std::string repository_index_json(std::span<const ModelInfo> infos) {
  JsonWriter json;
  json.array();
  for (const ModelInfo& info : infos) {
    json.object().key("name").string(info.name);
    json.key("version").string(std::to_string(info.version));
    json.key("state").string("READY").key("reason").string("").end_object();
  }
  json.end_array();
  return json.take();
}

}  // namespace mlops
