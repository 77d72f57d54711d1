#pragma once
// From a back end to a version that is ready to serve: fit it to its configuration, probe, decide
// on batching, warm, give it lanes.

#include <memory>

#include "base/log.h"
#include "engine/cached_model.h"
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
  LanePool* pool = nullptr;
  LogSink* log = nullptr;
  FeedbackBooks* books = nullptr;  // null: predictions are not remembered
  CacheParts cache;                // its cache is null: answers are not kept
};

// What executes a version before anybody tried it.
struct LoadedBackend {
  std::unique_ptr<Backend> backend;
  std::shared_ptr<const ExecutionNote> note;  // null: there was nothing to choose
};

// A version that has been tried and lacks only its lanes.
struct PreparedVersion {
  std::unique_ptr<Backend> backend;
  LaneContext context;
  ServedModelOptions options;
  std::optional<CacheTerms> cache;  // its answers are kept
};

// Blocks for the trial runs. Makes no thread that outlives it.
Result<PreparedVersion> prepare_version(const ModelSource& source, LoadedBackend loaded,
                                        const EngineParts& parts);

// The version is not visible to anybody yet.
Result<std::shared_ptr<Servable>> start_version(PreparedVersion version, const EngineParts& parts);

// What configurations may ask for and this build cannot do.
Status check_supported(const ModelConfig& config);

}  // namespace mlops
