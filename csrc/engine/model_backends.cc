#include "engine/model_backends.h"

#include <utility>

#include "engine/model_loading.h"
#include "execute/builtin_backends.h"
#include "execute/one_answer_backend.h"
#include "execute/openvino_backend.h"
#include "execute/ort_backend.h"
#include "model/config_fit.h"

namespace mlops {

ModelBackends::ModelBackends(const EngineOptions& options, std::unique_ptr<GraphCache> graphs,
                             const Clock& clock, CopyMeter& copies, LogSink& log)
    : options_(options),
      execution_cache_(options.cache_directory),
      graphs_(std::move(graphs)),
      clock_(clock),
      copies_(copies),
      log_(log) {}

// Of a configuration that names one of ours; null: it is for ONNX files.
Result<std::unique_ptr<Backend>> ModelBackends::named(const ModelSource& source) const {
  const ModelConfig& config = *source.config;
  if (Status s = check_supported(config); !s.ok()) return s;
  if (is_builtin_backend(config.backend)) {
    Result<Signature> signature = declared_signature(config);
    if (!signature.ok()) return signature.status();
    Result<std::unique_ptr<Backend>> made =
        make_builtin_backend(config.backend, *std::move(signature), config.parameters);
    if (!made.ok() || !(*made)->decoupled() || config.decoupled) return made;
    return make_one_answer_backend(*std::move(made));
  }
  const bool onnx = (config.backend.empty() || config.backend == "onnxruntime") &&
                    (config.platform.empty() || config.platform == "onnxruntime_onnx");
  if (onnx) return std::unique_ptr<Backend>();
  return Status::invalid_argument(
      "backend '" + config.backend + "', platform '" + config.platform +
      "' is not known; there are onnxruntime, identity, square, repeat and sequence");
}

Result<ExecutionChoice> ModelBackends::make(const ModelSource& source) {
  if (options_.make_backend || source.config) {
    Result<std::unique_ptr<Backend>> made =
        options_.make_backend ? options_.make_backend(source) : named(source);
    if (!made.ok()) return made.status();
    if (*made) return ExecutionChoice{*std::move(made), nullptr, nullptr, false};
  }
  Result<std::shared_ptr<OrtRuntime>> runtime = ort_runtime();
  if (!runtime.ok()) return runtime.status();
  Result<std::unique_ptr<Backend>> loaded =
      load_ort_backend(*runtime, source.path, source.ort, &copies_, graphs_.get());
  if (!loaded.ok()) return loaded.status();
  return choose(source, (*runtime)->version(), *std::move(loaded));
}

Result<ExecutionChoice> ModelBackends::choose(const ModelSource& source,
                                              const std::string& ort_version,
                                              std::unique_ptr<Backend> loaded) {
  ExecutionParts parts;
  // Opened at the first model that may use it; a library that is installed later is found then.
  parts.openvino = [this](const std::string& path) { return other_backend(path); };
  parts.openvino_installed = !openvino_paths().empty();
  parts.cache = &execution_cache_;
  parts.ort_version = ort_version;
  parts.clock = &clock_;
  Result<ExecutionChoice> choice =
      choose_execution(std::move(loaded), source, options_.execution, parts, log_);
  if (!choice.ok()) return choice;
  const std::string reason = choice->note->text();
  if (reason.empty()) choice->note = nullptr;
  if (!reason.empty() && !choice->afterwards) {
    log_.log(Severity::info, "model '" + source.name + "' version " +
                                 std::to_string(source.version) + ": " + reason);
  }
  return choice;
}

Result<std::shared_ptr<OrtRuntime>> ModelBackends::ort_runtime() {
  const std::lock_guard lock(mutex_);
  if (runtime_) return runtime_;
  const auto& paths = options_.ort_libraries;
  Result<std::shared_ptr<OrtRuntime>> opened =
      OrtRuntime::open(paths.empty() ? ort_library_candidates("") : paths, log_);
  if (opened.ok()) runtime_ = *opened;
  return opened;
}

std::vector<std::string> ModelBackends::openvino_paths() const {
  const auto& paths = options_.openvino_libraries;
  return paths.empty() ? openvino_library_candidates(options_.ort_libraries) : paths;
}

Result<OtherBackend> ModelBackends::other_backend(const std::string& path) {
  auto runtime = OpenvinoRuntime::open(openvino_paths());
  if (!runtime.ok()) return runtime.status();
  return OtherBackend{
      (*runtime)->version(), (*runtime)->has_bf16(),
      [this, path, opened = *runtime](const Backend& reference, const OpenvinoOptions& options) {
        return load_openvino_backend(opened, path, reference, options, &copies_);
      }};
}

}  // namespace mlops
