#include "engine/complete_config.h"

#include <algorithm>

#include "model/model_folder.h"

namespace mlops {
namespace {

constexpr std::string_view kOnnx = "onnxruntime_onnx";

void complete_tensors(const std::vector<TensorSpec>& specs, bool batched,
                      std::vector<TensorConfig>& tensors) {
  std::vector<TensorConfig> completed;
  for (const TensorSpec& spec : specs) {
    const auto found = std::ranges::find(tensors, spec.name, &TensorConfig::name);
    TensorConfig tensor = found == tensors.end() ? TensorConfig() : *found;
    tensor.name = spec.name;
    tensor.dtype = spec.dtype;
    tensor.dims.assign(spec.dims.begin() + (batched && !spec.dims.empty() ? 1 : 0),
                       spec.dims.end());
    completed.push_back(std::move(tensor));
  }
  tensors = std::move(completed);
}

}  // namespace

ModelConfig complete_config(const ModelConfig* given, const ModelInfo& info) {
  ModelConfig config = given ? *given : ModelConfig();
  config.name = info.name;
  if (config.platform.empty()) config.platform = info.platform;
  if (config.backend.empty() && !config.is_ensemble()) {
    config.backend = info.platform == kOnnx ? "onnxruntime" : info.platform;
  }
  if (!config.version_policy) config.version_policy = VersionPolicy();
  if (!config.max_batch_size) {
    config.max_batch_size = info.has_batch_axis ? info.batch_rows_max : 0;
  }
  complete_tensors(info.signature.inputs, info.has_batch_axis, config.inputs);
  complete_tensors(info.signature.outputs, info.has_batch_axis, config.outputs);
  config.decoupled = info.decoupled;
  if (config.is_ensemble()) return config;
  if (config.instance_groups.empty()) config.instance_groups.emplace_back();
  for (std::size_t i = 0; i < config.instance_groups.size(); ++i) {
    InstanceGroup& group = config.instance_groups[i];
    if (group.name.empty()) group.name = info.name + "_" + std::to_string(i);
    if (group.kind == InstanceGroup::Kind::automatic) group.kind = InstanceGroup::Kind::cpu;
    if (group.count == 0) group.count = info.lanes;
  }
  if (config.default_model_filename.empty()) config.default_model_filename = kModelFile;
  // Requests are merged whether or not the configuration asks for it.
  if (info.batchable && !config.dynamic_batching && !config.sequence_batching) {
    config.dynamic_batching.emplace().queue_delay_us_max = info.batch_delay_us_max;
  }
  return config;
}

}  // namespace mlops
