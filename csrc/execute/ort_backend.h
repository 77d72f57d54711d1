#pragma once
// A model file executed by ONNX Runtime.

#include <memory>
#include <string>

#include "execute/backend.h"
#include "execute/ort_runtime.h"

namespace mlops {

class GraphCache;

struct OrtOptions {
  unsigned intra_op_threads = 1;  // threads inside one run, the caller's included
  bool memory_arena = false;  // ONNX Runtime's arena: its lock makes shared sessions scale badly
  int graph_optimization_level = 99;  // ORT's own numbering: 0 none, 1 basic, 2 extended, 99 all
};

// One session, shared by all executors (Run is thread-safe), so the weights are in memory once.
// Fails with invalid_argument for a file that is not a usable model, not_found when the file (or
// external data that it names) is missing, unimplemented for non-tensor inputs or outputs.
// `copies` must outlive the back end; it may be null. `graphs`, unless null, is where the optimised
// graph is looked for and saved.
Result<std::unique_ptr<Backend>> load_ort_backend(std::shared_ptr<OrtRuntime> runtime,
                                                  const std::string& model_path,
                                                  const OrtOptions& options, CopyMeter* copies,
                                                  GraphCache* graphs = nullptr);

}  // namespace mlops
