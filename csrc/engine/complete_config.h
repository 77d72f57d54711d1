#pragma once
// The configuration that clients are shown: what was given, and for the rest what was inferred.

#include "engine/engine.h"

namespace mlops {

// `info` has everything but its configuration.
ModelConfig complete_config(const ModelConfig* given, const ModelInfo& info);

}  // namespace mlops
