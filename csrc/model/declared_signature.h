#pragma once
// What a configuration says of a model's tensors, for back ends without a file that would say.
// Pure.

#include "base/status.h"
#include "model/model_config.h"
#include "tensor/signature.h"

namespace mlops {

// All inputs and outputs, with the batch axis in front when max_batch_size > 0, and then the
// control and state tensors of sequence_batching. Fails when a type or the shape is left open, or
// reshaped.
Result<Signature> declared_signature(const ModelConfig& config);

// `config` with the control and state tensors of its sequence_batching among the inputs and
// outputs, as the model has them and clients do not.
ModelConfig with_sequence_tensors(ModelConfig config);

}  // namespace mlops
