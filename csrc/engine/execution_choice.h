#pragma once
// What executes a model: ONNX Runtime, our own trees, or OpenVINO (ADR 30). Unless it was asked for
// at the load, the search for something faster begins when the version serves, and what it finds
// takes over while it does (ADR 41).

#include <functional>
#include <memory>

#include "base/log.h"
#include "engine/execution_note.h"
#include "engine/execution_search.h"

namespace mlops {

struct ExecutionChoice {
  std::unique_ptr<Backend> backend;
  std::shared_ptr<ExecutionNote> note;  // empty text: there was nothing to choose
  // What is left to be done once the version has been probed and has its lanes; null: nothing.
  // Before it serves, or on a thread that has time. It keeps no version alive, and needs what
  // `parts` points to and `log` until it ends.
  std::function<void(const std::stop_token&)> afterwards;
  bool before_serving = false;
};

// `loaded` is the source under ONNX Runtime. Fails for a configuration that is wrong, and where
// trees are demanded and cannot be had.
Result<ExecutionChoice> choose_execution(std::unique_ptr<Backend> loaded, const ModelSource& source,
                                         const ExecutionWish& defaults, const ExecutionParts& parts,
                                         LogSink& log);

}  // namespace mlops
