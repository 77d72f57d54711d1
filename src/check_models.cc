#include "check_models.h"

#include <filesystem>

#include "engine/repository_control.h"

namespace mlops {
namespace {

constexpr std::string_view kGiven = "config.pbtxt";

std::string joined(const std::vector<std::int64_t>& versions) {
  std::string text;
  for (const std::int64_t version : versions) {
    text += (text.empty() ? "" : " ") + std::to_string(version);
  }
  return text;
}

class Report {
 public:
  void about(const std::string& model) { model_ = model; }
  void line(const std::string& what) { check_.text += "model " + model_ + ": " + what + "\n"; }
  void setting(const std::string& name, const std::string& value, std::string_view from) {
    line(name + " = " + value + " (" + std::string(from) + ")");
  }
  void failed(const std::string& why) {
    check_.ok = false;
    line("FAILED: " + why);
  }
  ModelsCheck take() { return std::move(check_); }

 private:
  std::string model_;
  ModelsCheck check_;
};

void describe_tensors(const char* kind, const std::vector<TensorConfig>& tensors,
                      const std::vector<TensorConfig>* given, Report& report) {
  for (const TensorConfig& tensor : tensors) {
    report.setting(std::string(kind) + " " + tensor.name,
                   std::string(config_type_name(tensor.dtype.value_or(DType::f32))) + " " +
                       dims_to_string(tensor.dims),
                   given && !given->empty() ? kGiven : "inferred from the model file");
  }
}

void describe_version(const ModelInfo& info, const ModelConfig* given, Report& report) {
  const ModelConfig& config = *info.config;
  const bool batch_given = given && given->max_batch_size.has_value();
  report.setting("max_batch_size", std::to_string(config.max_batch_size.value_or(0)),
                 batch_given ? std::string(kGiven) : "inferred: " + info.batching_reason);
  if (batch_given) {
    report.setting("requests are merged", info.batchable ? "yes" : "no", info.batching_reason);
  }
  const bool instances_given =
      given && !given->instance_groups.empty() && given->instance_groups[0].count > 0;
  if (!config.is_ensemble()) {
    report.setting("instances", std::to_string(info.lanes),
                   instances_given ? kGiven : "inferred: usable cores");
    report.setting("max_queue_delay_microseconds", std::to_string(info.batch_delay_us_max),
                   given && given->dynamic_batching ? kGiven : "default");
  }
  if (info.execution) report.line(info.execution->text());
  describe_tensors("input", config.inputs, given ? &given->inputs : nullptr, report);
  describe_tensors("output", config.outputs, given ? &given->outputs : nullptr, report);
}

void describe_folder(const ModelFolder& folder, const Engine& engine, Report& report) {
  std::vector<std::int64_t> there;
  for (const auto& [version, digest] : folder.versions) there.push_back(version);
  const std::vector<std::int64_t> served = folder.served_versions();
  report.line("versions " + joined(served) + " (of " + joined(there) + ")");
  if (!folder.config) {
    report.line("no config.pbtxt; everything is inferred from " + std::string(kModelFile));
  }
  for (const std::string& unused : folder.unused) report.line(unused + " has no effect here");
  if (served.empty()) return;
  const Result<ModelInfo> info = engine.info(folder.name, served.back());
  if (info.ok()) describe_version(*info, folder.config.get(), report);
}

}  // namespace

RepositoryOptions repository_options(const ServerConfig& config) {
  RepositoryOptions options;
  options.directories = config.model_repositories;
  options.mode = config.model_control_mode;
  options.load_at_start = config.load_models;
  options.config_required = config.strict_model_config;
  options.load_threads = config.model_load_threads;
  std::error_code failed;
  const auto scratch = std::filesystem::temp_directory_path(failed);
  if (!failed) options.scratch_directory = scratch.string();
  return options;
}

ModelsCheck check_models(const ServerConfig& config, const std::vector<std::string>& ort_candidates,
                         LogSink& log) {
  Report report;
  EngineOptions options;
  options.ort_libraries = ort_candidates;
  options.compute_threads = config.compute_threads;
  options.cache_directory = config.operations.cache_directory;
  options.cache_bytes_max = config.operations.cache_bytes_max;
  options.response_cache_bytes = config.operations.response_cache_bytes;
  options.serving = config.model_limits;
  options.drift = config.drift;
  options.feedback = config.feedback;
  options.drift.state_directory.clear();  // the server that runs keeps its state there
  options.execution = config.execution;
  options.execution.trial = TrialTime::loading;  // its verdict is asked for, not its speed
  const Result<std::unique_ptr<Engine>> engine = Engine::create(std::move(options), log);
  if (!engine.ok()) return {engine.status().message() + "\n", false};
  RepositoryOptions all = repository_options(config);
  all.mode = RepositoryMode::none;  // also what would be loaded only when asked for
  all.load_at_start.clear();
  RepositoryControl control(**engine, log, std::move(all));
  (void)control.start();  // each failure is in the index
  for (const std::string& directory : config.model_repositories) {
    const Result<std::vector<ModelFolder>> folders = read_repository(directory);
    if (!folders.ok()) return {folders.status().message() + "\n", false};
    for (const ModelFolder& folder : *folders) {
      report.about(folder.name);
      describe_folder(folder, **engine, report);
      for (const IndexEntry& entry : control.index(false)) {
        if (entry.name != folder.name || entry.state == ModelState::ready) continue;
        // A folder without a model in it is passed over at start.
        if (folder.status.code() == Code::not_found) {
          report.line("skipped: " + entry.reason);
          continue;
        }
        report.failed((entry.version > 0 ? "version " + std::to_string(entry.version) + ": " : "") +
                      entry.reason);
      }
    }
  }
  return report.take();
}

}  // namespace mlops
