#pragma once
// Whether a version's rows are watched for drift, and against what.

#include <memory>

#include "engine/engine.h"
#include "observe/drift_observer.h"

namespace mlops {

inline constexpr std::string_view kProfileFile = "reference.profile";

// Null when nobody asked: there is no reference.profile beside the model file and the parameter
// `drift` is not "on", or it is "off". Blocks on disk.
Result<std::shared_ptr<DriftObserver>> load_drift(const ModelSource& source, const ModelInfo& info,
                                                  const JudgeOptions& judge);

}  // namespace mlops
