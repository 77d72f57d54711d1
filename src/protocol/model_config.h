#pragma once
// A model's complete configuration in Triton's protobuf form. Pure.

#include "engine/engine.h"
#include "protocol/model_config.pb.h"

namespace mlops {

// What clients are shown; of a model without one (a test's double), what follows from its
// signature.
ModelConfig shown_config(const ModelInfo& info);

// Whether there is one to show: without levels, only one that was given.
bool shows_default_policy(const DynamicBatching& batching);

// With max_batch_size above zero the dims leave out the batch axis, as Triton's do.
inference::ModelConfig make_model_config(const ModelInfo& info);

}  // namespace mlops
