#include "protocol/metadata_json.h"

#include "protocol/json_writer.h"

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

}  // namespace mlops
