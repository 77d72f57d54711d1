#pragma once
// What a model's configuration and file say that executes it: one of our own back ends, or ONNX
// Runtime and whatever is faster (execution_choice.h). Libraries are opened at the first model that
// may use them, so that an engine of other back ends never does.
//
// Thread-safe. Outlives every back end that it made and every trial that it began.

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "engine/execution_choice.h"
#include "engine/options.h"
#include "execute/graph_cache.h"
#include "execute/ort_runtime.h"
#include "tensor/copy_meter.h"

namespace mlops {

class ModelBackends {
 public:
  // `graphs` may be null: none are kept. The others outlive this.
  ModelBackends(const EngineOptions& options, std::unique_ptr<GraphCache> graphs,
                const Clock& clock, CopyMeter& copies, LogSink& log);

  // Blocks on disk and while the model is compiled.
  Result<ExecutionChoice> make(const ModelSource& source);

 private:
  Result<std::unique_ptr<Backend>> named(const ModelSource& source) const;
  Result<ExecutionChoice> choose(const ModelSource& source, const std::string& ort_version,
                                 std::unique_ptr<Backend> loaded);
  Result<std::shared_ptr<OrtRuntime>> ort_runtime();
  std::vector<std::string> openvino_paths() const;
  Result<OtherBackend> other_backend(const std::string& path);

  const EngineOptions& options_;
  const ExecutionCache execution_cache_;
  const std::unique_ptr<GraphCache> graphs_;
  const Clock& clock_;
  CopyMeter& copies_;
  LogSink& log_;
  std::mutex mutex_;
  std::shared_ptr<OrtRuntime> runtime_;  // guarded by mutex_; null: not opened yet
};

}  // namespace mlops
