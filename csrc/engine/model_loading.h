#pragma once
// From a back end to a version that is ready to serve: probe, decide on batching, warm.

#include <memory>

#include "base/log.h"
#include "engine/options.h"
#include "engine/served_model.h"

namespace mlops {

// What a new version shares with the rest of the engine. Everything pointed to outlives it.
struct EngineParts {
  const EngineOptions* options = nullptr;
  SlabPool* slabs = nullptr;
  CopyMeter* copies = nullptr;
  const Clock* clock = nullptr;
  DeadlineWatch* watch = nullptr;
  LogSink* log = nullptr;
};

// Blocks for the probe's runs. The version is not visible to anybody yet.
Result<std::shared_ptr<ServedModel>> prepare_version(const ModelSource& source,
                                                     std::unique_ptr<Backend> backend,
                                                     const EngineParts& parts);

}  // namespace mlops
