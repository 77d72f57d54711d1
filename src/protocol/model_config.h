#pragma once
// Triton's ModelConfig, derived from what the engine knows. The one source of the JSON and the gRPC
// form of a model's configuration. Thread-safety: pure function.

#include "engine/engine.h"
#include "protocol/model_config.pb.h"

namespace mlops {

// With max_batch_size above zero the dims leave out the batch axis, as Triton's do.
inference::ModelConfig make_model_config(const ModelInfo& info);

}  // namespace mlops
