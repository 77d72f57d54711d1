#include "execute/ort_session.h"

#include <vector>

#include "execute/division_guard.h"
#include "execute/ort_status.h"

namespace mlops {
namespace {

using Steps = std::vector<OrtStatus*>;

// Weights go to a file that later sessions map, in the form that kernels want them in: nothing of
// it is in anonymous memory, and processes on one machine share it.
void add_saving(const OrtApi& api, OrtSessionOptions* made, const SessionFile& file, Steps& steps) {
  const auto entry = [&](const char* key, const char* value) {
    steps.push_back(api.AddSessionConfigEntry(made, key, value));
  };
  steps.push_back(api.SetOptimizedModelFilePath(made, file.save_to.c_str()));
  entry("session.save_model_format", "ONNX");
  entry("session.optimized_model_external_initializers_file_name", file.weights_name.c_str());
  entry("session.optimized_model_external_initializers_min_size_in_bytes", "1024");
  entry("session.save_external_prepacked_constant_initializers", "1");
}

Result<OrtSessionOptionsHandle> session_options(const OrtApi& api, const OrtOptions& options,
                                                const SessionFile& file) {
  OrtSessionOptionsHandle handle;
  if (Status s = ort_failure(
          api, make(handle, api,
                    [&](OrtSessionOptions** out) { return api.CreateSessionOptions(out); }));
      !s.ok()) {
    return s;
  }
  OrtSessionOptions* const made = handle.get();
  const auto level = file.optimised
                         ? ORT_DISABLE_ALL
                         : static_cast<GraphOptimizationLevel>(options.graph_optimization_level);
  Steps steps = {
      api.SetSessionLogId(made, file.name.c_str()),
      api.SetSessionGraphOptimizationLevel(made, level),
      api.SetIntraOpNumThreads(made, static_cast<int>(options.intra_op_threads)),
      api.SetInterOpNumThreads(made, 1),
      // A thread that spins for work burns a core that another lane could use.
      api.AddSessionConfigEntry(made, "session.intra_op.allow_spinning", "0"),
      api.AddSessionConfigEntry(made, "session.inter_op.allow_spinning", "0"),
      // The file is ONNX whatever its name says; the other format has another parser.
      api.AddSessionConfigEntry(made, "session.load_model_format", "ONNX"),
      options.memory_arena ? api.EnableCpuMemArena(made) : api.DisableCpuMemArena(made),
      // Plans memory once per combination of input shapes and, without the arena, keeps a block for
      // each: clients that vary the batch size would fill the memory (ADR 6).
      api.DisableMemPattern(made),
  };
  if (!file.save_to.empty()) add_saving(api, made, file, steps);
  Status first;
  for (OrtStatus* step : steps) {
    if (Status s = ort_failure(api, step); !s.ok() && first.ok()) first = s;
  }
  if (!first.ok()) return first;
  return handle;
}

}  // namespace

Status open_session(const OrtRuntime& runtime, const SessionFile& file, const OrtOptions& options,
                    OrtModel& model) {
  const OrtApi& api = model.api;
  Result<OrtSessionOptionsHandle> made = session_options(api, options, file);
  if (!made.ok()) return made.status();
  OrtStatus* status = make(model.memory_info, api, [&](OrtMemoryInfo** out) {
    return api.CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, out);
  });
  if (Status s = ort_failure(api, status); !s.ok()) return s;
  const DivisionWatch divisions(DivisionWatch::Scope::this_thread);
  status = make(model.session, api, [&](OrtSession** out) {
    return api.CreateSession(runtime.environment(), file.path.c_str(), made->get(), out);
  });
  Status s = ort_load_failure(api, status, file.name);
  if (!s.ok() || !divisions.refused_any()) return s;
  return Status::invalid_argument(file.name + ": divides the lowest integer by -1, or by zero");
}

}  // namespace mlops
