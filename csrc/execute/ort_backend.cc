#include "execute/ort_backend.h"

#include <new>
#include <utility>

#include "execute/onnx_scan.h"
#include "execute/ort_executor.h"
#include "execute/ort_model.h"
#include "execute/ort_saved_graph.h"
#include "execute/ort_session.h"
#include "execute/ort_signature.h"

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

Result<std::shared_ptr<const OrtModel>> load_model(const OrtRuntime& runtime,
                                                   const std::string& model_path,
                                                   const OrtOptions& options, GraphCache* graphs) {
  if (Status s = check_options(options); !s.ok()) return s;
  const Result<OnnxScan> scan = scan_onnx_file(model_path);
  if (!scan.ok()) return scan.status();
  if (Status s = check_external_files(model_path, *scan); !s.ok()) {
    return Status(s.code(), model_path + ": " + s.message());
  }
  auto model = std::make_shared<OrtModel>(runtime.api());
  const Status opened =
      graphs ? open_session_with(*graphs, runtime, model_path, *scan, options, *model)
             : open_session(runtime, {model_path, model_path, false, {}, {}}, options, *model);
  if (!opened.ok()) return opened;
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
                                                  const OrtOptions& options, CopyMeter* copies,
                                                  GraphCache* graphs) {
  try {
    Result<std::shared_ptr<const OrtModel>> model =
        load_model(*runtime, model_path, options, graphs);
    if (!model.ok()) return model.status();
    return std::unique_ptr<Backend>(
        std::make_unique<OrtBackend>(std::move(runtime), *std::move(model), copies));
  } catch (const std::bad_alloc&) {
    return Status::resource_exhausted("out of memory while loading " + model_path);
  }
}

}  // namespace mlops
