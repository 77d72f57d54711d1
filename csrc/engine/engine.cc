#include "engine/engine.h"

#include <algorithm>
#include <mutex>
#include <set>

#include "engine/deadline_watch.h"
#include "engine/model_loading.h"
#include "engine/pipeline.h"
#include "execute/ort_backend.h"
#include "model/repository_layout.h"

namespace mlops {
namespace {

class EngineImpl final : public Engine {
 public:
  EngineImpl(EngineOptions options, LogSink& log)
      : options_(std::move(options)),
        log_(log),
        slabs_(options_.slab_bytes_max),
        pipeline_(catalog_, options_.limits, clock_),
        watch_([this](TimePoint now) { return expire(now); }) {}

  ~EngineImpl() override {
    pipeline_.refuse_new();
    for (const auto& model : catalog_.all()) model->stop();
  }

  Status load(const ModelSource& source) override {
    if (Status s = source.validate(); !s.ok()) return s;
    return tracked(source, [&]() -> Result<std::unique_ptr<Backend>> {
      Result<std::shared_ptr<OrtRuntime>> runtime = ort_runtime();
      if (!runtime.ok()) return runtime.status();
      return load_ort_backend(*runtime, source.path, source.ort, &copies_);
    });
  }

  Status load(const ModelSource& source, std::unique_ptr<Backend> backend) override {
    if (Status s = source.validate(); !s.ok()) return s;
    return tracked(source,
                   [&]() -> Result<std::unique_ptr<Backend>> { return std::move(backend); });
  }

  Status unload(const std::string& name, std::int64_t version) override;
  Status load_repository(const std::string& directory) override;

  Result<ModelInfo> info(const std::string& name, std::int64_t version) const override {
    Result<ModelCatalog::Entry> model = catalog_.find(name, version);
    if (!model.ok()) return model.status();
    return with_versions((*model)->info());
  }

  std::vector<ModelInfo> models() const override {
    std::vector<ModelInfo> infos;
    for (const auto& model : catalog_.all()) infos.push_back(with_versions(model->info()));
    return infos;
  }

  bool ready() const override {
    if (pipeline_.draining()) return false;
    const std::lock_guard lock(asked_mutex_);
    return not_ready_.empty();
  }

  Response infer(Request&& request) override { return pipeline_.infer(std::move(request)); }
  void submit(PendingRef pending) override { pipeline_.submit(std::move(pending)); }
  void submit_turn(std::span<PendingRef> turn) override { pipeline_.submit_turn(turn); }

  bool drain(TimePoint deadline) override {
    pipeline_.refuse_new();
    bool calm = true;
    for (const auto& model : catalog_.all()) calm = model->drain(deadline) && calm;
    return calm;
  }

  EngineStats stats() const override {
    EngineStats stats;
    for (const auto& model : catalog_.all()) stats.models.push_back(model->stats());
    for (std::size_t i = 0; i < kCopySites; ++i) {
      stats.copy_bytes[i] = copies_.total(static_cast<CopySite>(i));
    }
    stats.slab_bytes_in_use = slabs_.bytes_in_use();
    return stats;
  }

  CopyMeter& copies() override { return copies_; }
  const EngineOptions& options() const override { return options_; }

 private:
  ModelInfo with_versions(const ModelInfo& info) const {
    ModelInfo copy = info;
    copy.versions = catalog_.versions(info.name);
    return copy;
  }

  TimePoint expire(TimePoint now) {
    TimePoint next = kNever;
    for (const auto& model : catalog_.all()) next = std::min(next, model->expire(now));
    return next;
  }

  // Opened once, at the first model that needs it, so that an engine of other back ends never does.
  Result<std::shared_ptr<OrtRuntime>> ort_runtime() {
    const std::lock_guard lock(runtime_mutex_);
    if (runtime_) return runtime_;
    const auto& paths = options_.ort_libraries;
    Result<std::shared_ptr<OrtRuntime>> opened =
        OrtRuntime::open(paths.empty() ? ort_library_candidates("") : paths, log_);
    if (opened.ok()) runtime_ = *opened;
    return opened;
  }

  // Loads while readiness says "not yet", and keeps saying so if it fails.
  template <class MakeBackend>
  Status tracked(const ModelSource& source, MakeBackend make_backend) {
    const std::string label = source.name + "/" + std::to_string(source.version);
    {
      const std::lock_guard lock(asked_mutex_);
      not_ready_.insert(label);
    }
    Status status = load_and_publish(source, make_backend);
    const std::lock_guard lock(asked_mutex_);
    // A replacement that failed leaves the version before it serving.
    if (status.ok() || catalog_.find(source.name, source.version).ok()) not_ready_.erase(label);
    return status;
  }

  template <class MakeBackend>
  Status load_and_publish(const ModelSource& source, MakeBackend make_backend) {
    Result<std::unique_ptr<Backend>> backend = make_backend();
    if (!backend.ok()) return backend.status();
    Result<std::shared_ptr<ServedModel>> model = prepare_version(
        source, *std::move(backend), {&options_, &slabs_, &copies_, &clock_, &watch_, &log_});
    if (!model.ok()) return model.status();
    if (const auto replaced = catalog_.put(source.name, source.version, *std::move(model))) {
      replaced->drain(kNever);
      replaced->stop();
    }
    return {};
  }

  const EngineOptions options_;
  LogSink& log_;
  SteadyClock clock_;
  CopyMeter copies_;
  SlabPool slabs_;
  std::mutex runtime_mutex_;
  std::shared_ptr<OrtRuntime> runtime_;  // guarded by runtime_mutex_
  mutable std::mutex asked_mutex_;
  std::set<std::string> not_ready_;  // guarded by asked_mutex_: asked for, not (yet) serving
  ModelCatalog catalog_;
  Pipeline pipeline_;
  DeadlineWatch watch_;  // last: its thread reads the catalog
};

Status EngineImpl::unload(const std::string& name, std::int64_t version) {
  const ModelCatalog::Entry model = catalog_.take(name, version);
  {
    const std::lock_guard lock(asked_mutex_);
    not_ready_.erase(name + "/" + std::to_string(version));
  }
  if (!model) {
    return Status::not_found("model '" + name + "' version " + std::to_string(version) +
                             " is not loaded");
  }
  model->drain(kNever);
  model->stop();
  return {};
}

Status EngineImpl::load_repository(const std::string& directory) {
  Result<RepositoryListing> listing = list_repository(directory);
  if (!listing.ok()) return listing.status();
  for (const std::string& skipped : listing->skipped) {
    log_.log(Severity::warning, "model repository: skipped " + skipped);
  }
  Status first_failure;
  for (const RepositoryEntry& entry : newest_versions(listing->entries)) {
    ModelSource source;
    source.name = entry.model;
    source.version = entry.version;
    source.path = entry.model_path;
    Status status = load(source);
    if (status.ok()) continue;
    log_.log(Severity::error, "model '" + entry.model + "' version " +
                                  std::to_string(entry.version) +
                                  " was not loaded: " + status.to_string());
    if (first_failure.ok()) {
      first_failure = Status(status.code(), entry.model + ": " + status.message());
    }
  }
  return first_failure;
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::create(EngineOptions options, LogSink& log) {
  if (Status s = options.validate(); !s.ok()) return s;
  return std::unique_ptr<Engine>(std::make_unique<EngineImpl>(std::move(options), log));
}

}  // namespace mlops
