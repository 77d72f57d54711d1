#pragma once
// Whether a version's rows are watched for drift, and against what.

#include <memory>

#include "engine/engine.h"
#include "engine/input_guard.h"
#include "observe/drift_observer.h"

namespace mlops {

inline constexpr std::string_view kProfileFile = "reference.profile";

// Null when nobody asked: there is no reference.profile beside the model file and the parameter
// `drift` is not "on", or it is "off". `whole` is what the back end takes and gives: of a model
// that keeps state more than `info` tells clients. Blocks on disk.
Result<std::shared_ptr<DriftObserver>> load_drift(const ModelSource& source, const ModelInfo& info,
                                                  const Signature& whole,
                                                  const JudgeOptions& judge);

// What the parameters guard_* of its configuration want done with values before they run; null:
// none is there. They are those of `drift`'s reference.
Result<std::shared_ptr<InputGuard>> load_guard(const ModelSource& source, const ModelInfo& info,
                                               const DriftObserver* drift);

}  // namespace mlops
