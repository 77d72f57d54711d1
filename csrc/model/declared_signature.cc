#include "model/declared_signature.h"

#include "model/sequence_plan.h"

namespace mlops {
namespace {

Status declare(const std::vector<TensorConfig>& tensors, bool batched,
               std::vector<TensorSpec>& specs) {
  for (const TensorConfig& tensor : tensors) {
    if (!tensor.dtype || tensor.dims.empty()) {
      return Status::invalid_argument("'" + tensor.name +
                                      "' needs a data_type and dims: nothing else says them");
    }
    if (tensor.reshape) {
      return Status::unimplemented("'" + tensor.name +
                                   "': reshape is not supported by built-in back ends");
    }
    TensorSpec spec;
    spec.name = tensor.name;
    spec.dtype = *tensor.dtype;
    spec.dims = tensor.dims;
    if (batched) spec.dims.insert(spec.dims.begin(), kAnySize);
    spec.symbols.resize(spec.dims.size());
    if (batched) spec.symbols.front() = "batch";
    specs.push_back(std::move(spec));
  }
  return {};
}

TensorConfig named(const std::string& name) {
  TensorConfig tensor;
  tensor.name = name;
  return tensor;
}

}  // namespace

Result<Signature> declared_signature(const ModelConfig& config) {
  const bool batched = config.max_batch_size.value_or(0) > 0;
  Signature signature;
  if (Status s = declare(config.inputs, batched, signature.inputs); !s.ok()) return s;
  if (Status s = declare(config.outputs, batched, signature.outputs); !s.ok()) return s;
  if (config.sequence_batching) {
    Status s = add_sequence_tensors(*config.sequence_batching, batched, signature);
    if (!s.ok()) return s;
  }
  return signature;
}

ModelConfig with_sequence_tensors(ModelConfig config) {
  if (!config.sequence_batching) return config;
  for (const SequenceControlInput& input : config.sequence_batching->control_inputs) {
    if (!config.inputs.empty()) config.inputs.push_back(named(input.name));
  }
  for (const SequenceState& state : config.sequence_batching->states) {
    if (!config.inputs.empty()) config.inputs.push_back(named(state.input_name));
    if (!config.outputs.empty()) config.outputs.push_back(named(state.output_name));
  }
  return config;
}

}  // namespace mlops
