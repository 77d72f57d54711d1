#include "execute/ort_backend.h"

#include <new>
#include <utility>

#include "execute/division_guard.h"
#include "execute/onnx_scan.h"
#include "execute/ort_executor.h"
#include "execute/ort_model.h"
#include "execute/ort_signature.h"
#include "execute/ort_status.h"

namespace mlops {
namespace {

class OrtBackend final : public Backend {
 public:
  OrtBackend(std::shared_ptr<OrtRuntime> runtime, std::shared_ptr<const OrtModel> model,
             CopyMeter* copies)
      : runtime_(std::move(runtime)), model_(std::move(model)), copies_(copies) {}

  const Signature& signature() const override { return model_->signature; }
  std::string_view platform() const override { return "onnxruntime_onnx"; }
  Result<std::unique_ptr<Executor>> make_executor() override {
    return OrtExecutor::make(model_, copies_, runtime_->log());
  }

 private:
  std::shared_ptr<OrtRuntime> runtime_;
  std::shared_ptr<const OrtModel> model_;
  CopyMeter* copies_;
};

Status check_options(const OrtOptions& options) {
  if (options.intra_op_threads == 0 || options.intra_op_threads > 1024) {
    return Status::invalid_argument("intra_op_threads must be 1 to 1024");
  }
  switch (options.graph_optimization_level) {
    case ORT_DISABLE_ALL:
    case ORT_ENABLE_BASIC:
    case ORT_ENABLE_EXTENDED:
    case ORT_ENABLE_ALL:
      return {};
    default:
      return Status::invalid_argument("graph_optimization_level must be 0, 1, 2 or 99");
  }
}

Result<OrtSessionOptionsHandle> session_options(const OrtApi& api, const OrtOptions& options,
                                                const std::string& model_path) {
  OrtSessionOptionsHandle handle;
  if (Status s = ort_failure(
          api, make(handle, api,
                    [&](OrtSessionOptions** out) { return api.CreateSessionOptions(out); }));
      !s.ok()) {
    return s;
  }
  OrtSessionOptions* const made = handle.get();
  const auto level = static_cast<GraphOptimizationLevel>(options.graph_optimization_level);
  OrtStatus* const steps[] = {
      api.SetSessionLogId(made, model_path.c_str()),
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
  Status first;
  for (OrtStatus* step : steps) {
    if (Status s = ort_failure(api, step); !s.ok() && first.ok()) first = s;
  }
  if (!first.ok()) return first;
  return handle;
}

Status open_session(const OrtRuntime& runtime, const std::string& model_path,
                    const OrtOptions& options, OrtModel& model) {
  const OrtApi& api = model.api;
  Result<OrtSessionOptionsHandle> made = session_options(api, options, model_path);
  if (!made.ok()) return made.status();
  OrtStatus* status = make(model.memory_info, api, [&](OrtMemoryInfo** out) {
    return api.CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, out);
  });
  if (Status s = ort_failure(api, status); !s.ok()) return s;
  const DivisionWatch divisions(DivisionWatch::Scope::this_thread);
  status = make(model.session, api, [&](OrtSession** out) {
    return api.CreateSession(runtime.environment(), model_path.c_str(), made->get(), out);
  });
  Status s = ort_load_failure(api, status, model_path);
  if (!s.ok() || !divisions.refused_any()) return s;
  return Status::invalid_argument(model_path + ": divides the lowest integer by -1, or by zero");
}

Result<std::shared_ptr<const OrtModel>> load_model(const OrtRuntime& runtime,
                                                   const std::string& model_path,
                                                   const OrtOptions& options) {
  if (Status s = check_options(options); !s.ok()) return s;
  const Result<OnnxScan> scan = scan_onnx_file(model_path);
  if (!scan.ok()) return scan.status();
  if (Status s = check_external_files(model_path, *scan); !s.ok()) {
    return Status(s.code(), model_path + ": " + s.message());
  }
  auto model = std::make_shared<OrtModel>(runtime.api());
  if (Status s = open_session(runtime, model_path, options, *model); !s.ok()) return s;
  Result<Signature> signature = read_ort_signature(model->api, *model->session, scan->shapeless);
  if (!signature.ok()) {
    return Status(signature.status().code(), model_path + ": " + signature.status().message());
  }
  model->signature = *std::move(signature);
  model->runs_on_own_threads = options.intra_op_threads > 1;
  for (const TensorSpec& spec : model->signature.inputs) {
    model->input_names.push_back(spec.name.c_str());
  }
  for (const TensorSpec& spec : model->signature.outputs) {
    model->output_names.push_back(spec.name.c_str());
    model->writes_in_place.push_back(spec.dtype != DType::bytes &&
                                     !model->signature.input_index(spec.name));
  }
  return std::shared_ptr<const OrtModel>(std::move(model));
}

}  // namespace

Result<std::unique_ptr<Backend>> load_ort_backend(std::shared_ptr<OrtRuntime> runtime,
                                                  const std::string& model_path,
                                                  const OrtOptions& options, CopyMeter* copies) {
  try {
    Result<std::shared_ptr<const OrtModel>> model = load_model(*runtime, model_path, options);
    if (!model.ok()) return model.status();
    return std::unique_ptr<Backend>(
        std::make_unique<OrtBackend>(std::move(runtime), *std::move(model), copies));
  } catch (const std::bad_alloc&) {
    return Status::resource_exhausted("out of memory while loading " + model_path);
  }
}

}  // namespace mlops
