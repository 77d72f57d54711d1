#pragma once
// A configuration beside the graph that it configures: does it fit, and what do clients then see?
// Pure.

#include <cstddef>
#include <vector>

#include "base/status.h"
#include "model/model_config.h"
#include "tensor/signature.h"

namespace mlops {

// One input or output as clients see it, and where it is in the graph.
struct FittedTensor {
  std::size_t graph_index = 0;
  TensorSpec spec;
  bool reshaped = false;                 // the graph has `graph_dims` instead of spec.dims
  std::vector<std::int64_t> graph_dims;  // batch axis included
};

struct FittedModel {
  std::vector<FittedTensor> inputs;   // in the graph's order; all of them
  std::vector<FittedTensor> outputs;  // in the graph's order; those that the configuration names
  bool differs = false;               // from the graph's own signature
};

// With max_batch_size > 0 the configuration's dims leave out the batch axis, and every input and
// output of the graph must have an open first one. Fails with invalid_argument that names the
// tensor and both shapes.
Result<FittedModel> fit_config(const ModelConfig& config, const Signature& graph);

Signature signature_of(const FittedModel& fitted);

// What the configuration alone says, for back ends without a graph: batch axis included, and the
// tensors of sequence_batching. Fails when a tensor has no data_type.
Result<Signature> declared_signature(const ModelConfig& config);

}  // namespace mlops
