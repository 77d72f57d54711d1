#pragma once
// Everything that can be chosen about an engine and about one model version, with units in names.
// Defaults serve; validate() says what is wrong in words an operator can act on.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "engine/drift_settings.h"
#include "engine/execution_wish.h"
#include "engine/feedback_settings.h"
#include "execute/ort_backend.h"
#include "model/model_folder.h"
#include "model/serving_limits.h"
#include "request/validate.h"

namespace mlops {

struct ModelSource;

struct EngineOptions {
  unsigned lanes = 0;  // concurrent executions per model version; 0: compute_threads
  // Turns of all models' lanes that compute at a time; 0: as many as usable cores.
  unsigned compute_threads = 0;
  std::size_t queue_requests_max = 8192;              // waiting per model version; more are refused
  std::size_t slab_bytes_max = std::size_t{2} << 30;  // batch inputs and outputs, whole engine
  std::uint64_t inline_run_us_max = 250;              // event loops run faster models themselves
  std::uint64_t trial_run_ms_max = 60'000;  // a version whose trial runs take longer is not loaded
  std::uint64_t retire_ms_max = 60'000;     // what a retired version may take for what it accepted
  RequestLimits limits;
  DriftSettings drift;
  FeedbackSettings feedback;
  ServingLimits serving;  // of each version, unless its configuration says otherwise
  // Of answers that are kept, for all models that ask for it, with their index; 0: none are.
  std::size_t response_cache_bytes = 0;
  // Where what was found out or made at a first start is kept for the next ones; empty: nowhere.
  std::string cache_directory;
  std::uint64_t cache_bytes_max = std::uint64_t{4} << 30;  // of optimised graphs in it
  // Tried in order for ONNX Runtime; empty: the loader's own search only.
  std::vector<std::string> ort_libraries;
  // Tried in order for OpenVINO; empty: beside those of ONNX Runtime.
  std::vector<std::string> openvino_libraries;
  ExecutionWish execution;  // of each version, unless its configuration says otherwise
  // What executes a source, for those who bring their own; null: ONNX Runtime and the built-in
  // ones.
  std::function<Result<std::unique_ptr<Backend>>(const ModelSource&)> make_backend;

  Status validate() const;
};

// One version to load. Zeroes mean "inferred" or "the engine's default".
struct ModelSource {
  std::string name;
  std::int64_t version = 1;
  std::string path;  // the ONNX file
  unsigned lanes = 0;
  std::int64_t batch_rows_max = 0;       // rows merged into one execution; 0: 64 when batchable
  std::uint64_t batch_delay_us_max = 0;  // how long an idle lane may wait for more rows
  OrtOptions ort;
  std::optional<ExecutionWish> execution;     // null: the engine's
  std::optional<SequenceBatching> sequences;  // the model keeps state between requests
  std::shared_ptr<const ModelConfig> config;  // null: everything is inferred
  std::string folder;                         // where the configuration's files are
  bool in_background = false;                 // others serve meanwhile: load at a low priority
  bool required = true;                       // the engine is not ready until this has been loaded
  bool response_cache = false;  // its answers are kept, as if its configuration said so

  Status validate() const;
};

// A version of a repository's model.
ModelSource model_source(const ModelFolder& folder, std::int64_t version);

}  // namespace mlops
