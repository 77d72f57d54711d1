#pragma once
// What executes a model: ONNX Runtime, our own trees, or OpenVINO, by a trial at the load (ADR 30).

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "engine/execution_cache.h"
#include "engine/options.h"
#include "execute/backend.h"
#include "execute/openvino_runtime.h"
#include "tensor/copy_meter.h"

namespace mlops {

struct ExecutionParts {
  std::function<Result<std::shared_ptr<const OpenvinoRuntime>>()> openvino;
  const ExecutionCache* cache = nullptr;
  std::string ort_version;
  CopyMeter* copies = nullptr;
  const Clock* clock = nullptr;
};

struct ExecutionChoice {
  std::unique_ptr<Backend> backend;
  std::string reason;  // for the log; empty: there was nothing to choose
};

// `loaded` is the source under ONNX Runtime; it is given back where it must be kept or is the
// fastest. Blocks for a few seconds at most where there is something to try. Fails for a
// configuration that is wrong, and where trees are demanded and cannot be had.
Result<ExecutionChoice> choose_execution(std::unique_ptr<Backend> loaded, const ModelSource& source,
                                         const ExecutionWish& defaults,
                                         const ExecutionParts& parts);

}  // namespace mlops
