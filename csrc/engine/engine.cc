#include "engine/engine.h"

#include <algorithm>
#include <mutex>
#include <set>

#include "base/quiet_thread.h"
#include "engine/deadline_watch.h"
#include "engine/drift_keeper.h"
#include "engine/ensemble_loading.h"
#include "engine/execution_trials.h"
#include "engine/feedback_book.h"
#include "engine/lane_pool.h"
#include "engine/model_backends.h"
#include "engine/model_loading.h"
#include "engine/model_routes.h"
#include "engine/pipeline.h"
#include "engine/retirement.h"
#include "execute/graph_cache.h"
#include "model/model_folder.h"
#include "observe/profile_bytes.h"

namespace mlops {
namespace {

class EngineImpl final : public Engine {
 public:
  EngineImpl(EngineOptions options, std::unique_ptr<GraphCache> graphs,
             std::unique_ptr<PredictionCache> answers, LogSink& log)
      : options_(std::move(options)),
        answers_(std::move(answers)),
        log_(log),
        backends_(options_, std::move(graphs), clock_, copies_, log_),
        slabs_(options_.slab_bytes_max),
        pool_(options_.compute_threads, clock_),
        pipeline_(catalog_, routes_.book(), options_.limits, clock_),
        retirement_(std::chrono::milliseconds(options_.retire_ms_max)),
        watch_([this](TimePoint now) { return expire(now); }),
        keeper_(options_.drift, clock_, log_, [this] { return catalog_.all(); }) {}

  ~EngineImpl() override {
    pipeline_.refuse_new();
    keeper_.end();
    trials_.stop();
    routes_.shadows().refuse();
    for (const auto& model : outermost_first()) model->stop();
    routes_.shadows().stop();
  }

  Status load(const ModelSource& source) override {
    if (Status s = source.validate(); !s.ok()) return s;
    return tracked(source, [&] { return backends_.make(source); });
  }

  Status load(const ModelSource& source, std::unique_ptr<Backend> backend) override {
    if (Status s = source.validate(); !s.ok()) return s;
    return tracked(source, [&]() -> Result<ExecutionChoice> {
      return ExecutionChoice{std::move(backend), nullptr, nullptr, false};
    });
  }

  Status unload(const std::string& name, std::int64_t version) override;
  std::vector<Status> replace(const ModelSet& set) override;
  std::vector<std::pair<std::string, std::int64_t>> retiring() const override {
    return retirement_.left();
  }
  bool wait_retired(const std::string& name, TimePoint deadline) override {
    return retirement_.wait_gone(name, deadline);
  }
  Status load_repository(const std::string& directory) override;

  bool wait_trials(TimePoint deadline) override { return trials_.wait_done(deadline); }
  bool end_background(TimePoint deadline) override {
    keeper_.end();
    trials_.request_stop();
    return trials_.wait_done(deadline);
  }

  Result<ModelInfo> info(const std::string& name, std::int64_t version) const override {
    Result<ModelCatalog::Entry> model =
        catalog_.find(name, version == kAnyVersion ? routes_.stable(name) : version);
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
    for (const auto& model : outermost_first()) calm = model->drain(deadline) && calm;
    return calm;
  }

  Result<DriftSnapshot> drift(const std::string& name, std::int64_t version,
                              std::optional<Duration> span) override {
    Result<DriftSnapshot> seen = Status::internal("not looked");
    const Status found = with_drift(name, version, [&](const DriftObserver& drift) {
      seen = span ? drift.over(*span, clock_.now()) : drift.since_start();
      return Status();
    });
    return found.ok() ? seen : found;
  }

  Result<DriftSnapshot> look_at_drift(const std::string& name, std::int64_t version, DriftLook how,
                                      Duration span) override {
    Result<DriftSnapshot> seen = Status::internal("not looked");
    const Status found = with_drift(name, version, [&](const DriftObserver& drift) {
      seen = drift.look(how, span, clock_.now());
      return Status();
    });
    return found.ok() ? seen : found;
  }

  Status reset_drift(const std::string& name, std::int64_t version) override {
    return with_drift(name, version, [](DriftObserver& drift) {
      drift.reset();
      return Status();
    });
  }

  Status replace_drift_reference(const std::string& name, std::int64_t version,
                                 std::string_view profile) override {
    return with_drift(name, version, [&](DriftObserver& drift) {
      if (profile.empty()) return drift.collect_again();
      Result<Profile> read = read_profile(profile);
      return read.ok() ? drift.replace(read->reference) : read.status();
    });
  }

  Status freeze_drift(const std::string& name, std::int64_t version) override {
    return with_drift(name, version, [](DriftObserver& drift) { return drift.freeze(); });
  }

  Status use_statistics(const std::string& name, std::int64_t version,
                        std::vector<UserStatistic> statistics) override {
    return with_drift(name, version, [&](DriftObserver& drift) {
      return drift.use_statistics(std::move(statistics));
    });
  }

  Result<StatisticSnapshot> user_statistics(const std::string& name,
                                            std::int64_t version) override {
    Result<StatisticSnapshot> seen = Status::internal("not looked");
    const Status found = with_drift(name, version, [&](DriftObserver& drift) {
      seen = drift.statistics();
      return Status();
    });
    return found.ok() ? std::move(seen) : found;
  }

  Result<JudgeView> drift_alerts(const std::string& name, std::int64_t version,
                                 std::uint64_t after) override {
    Result<JudgeView> view = Status::internal("not looked");
    const Status found = with_drift(name, version, [&](DriftObserver& drift) {
      const std::shared_ptr<DriftEpoch> epoch = drift.epoch();
      if (!epoch->judge) {
        return Status::unavailable("rows are collected, and there is no reference yet");
      }
      view = epoch->judge->view(after);
      return Status();
    });
    return found.ok() ? std::move(view) : found;
  }

  Result<std::vector<Joined>> feedback(const std::string& name,
                                       std::span<const Feedback> items) override {
    const Result<ModelCatalog::Entry> model = catalog_.find(name, kAnyVersion);
    if (!model.ok()) return model.status();
    const std::shared_ptr<LabelJoin> book = books_.find(name);
    if (!book) return no_feedback(name);
    std::vector<Joined> results;
    results.reserve(items.size());
    for (const Feedback& item : items) results.push_back(book->take(item));
    return results;
  }

  Result<QualityView> quality(const std::string& name, std::int64_t version,
                              std::optional<Duration> span) override {
    const Result<ModelCatalog::Entry> model = catalog_.find(name, version);
    if (!model.ok()) return model.status();
    const std::shared_ptr<LabelJoin> book = books_.find(name);
    return book ? quality_of(*book, (*model)->info().version, span) : no_feedback(name);
  }

  Status flush_response_cache(const std::string& name, std::int64_t version) override {
    Result<ModelCatalog::Entry> model = catalog_.find(name, version);
    if (model.ok()) (*model)->flush_cache();
    return model.status();
  }
  Result<RouteStatus> route(const std::string& model) const override {
    return routes_.status(model);
  }
  Result<RouteStatus> set_route(const std::string& model, RoutePlan plan,
                                RouteOrigin origin) override {
    return routes_.set(model, std::move(plan), origin);
  }
  Status clear_route(const std::string& model) override { return routes_.clear(model); }
  std::span<const std::string> route_headers(std::string_view model) const override {
    const RouteTable* route = routes_.book().find(model);
    return route ? std::span(route->headers()) : std::span<const std::string>();
  }

  EngineStats stats() const override {
    EngineStats stats;
    books_.add_to(stats);
    stats.routes = routes_.all();
    for (const auto& model : catalog_.all()) stats.models.push_back(model->stats());
    for (std::size_t i = 0; i < kCopySites; ++i) {
      stats.copy_bytes[i] = copies_.total(static_cast<CopySite>(i));
    }
    stats.pool = pool_.stats();
    if (answers_) stats.cache = answers_->stats();
    stats.slab_bytes_in_use = slabs_.bytes_in_use();
    return stats;
  }

  CopyMeter& copies() override { return copies_; }
  const EngineOptions& options() const override { return options_; }

 private:
  static Status no_feedback(const std::string& name) {
    return Status::not_found("model '" + name +
                             "' takes no feedback: its configuration has no parameter 'feedback'");
  }

  // Lanes that are idle have handed over before `then` looks.
  template <class Then>
  Status with_drift(const std::string& name, std::int64_t version, Then then) {
    Result<ModelCatalog::Entry> model = catalog_.find(name, version);
    if (!model.ok()) return model.status();
    DriftObserver* const drift = (*model)->drift();
    if (!drift) {
      return Status::not_found("model '" + name + "' version " +
                               std::to_string((*model)->info().version) +
                               " is not watched for drift");
    }
    keeper_.look(**model);
    return then(*drift);
  }

  ModelInfo with_versions(const ModelInfo& info) const {
    ModelInfo copy = info;
    copy.versions = catalog_.versions(info.name);
    const auto labels = catalog_.labels(info.name);
    copy.version_labels = {labels.begin(), labels.end()};
    return copy;
  }

  // What an ensemble has accepted still needs its members.
  std::vector<ModelCatalog::Entry> outermost_first() const {
    std::vector<ModelCatalog::Entry> models = catalog_.all();
    std::ranges::sort(models, std::greater<>(), [](const auto& model) { return model->level(); });
    return models;
  }

  TimePoint expire(TimePoint now) {
    TimePoint next = retirement_.expire(now);
    for (const auto& model : catalog_.all()) next = std::min(next, model->expire(now));
    return next;
  }

  // Loads while readiness says "not yet", and keeps saying so if it fails.
  template <class MakeBackend>
  Status tracked(const ModelSource& source, MakeBackend make_backend) {
    const std::string label = source.name + "/" + std::to_string(source.version);
    {
      const std::lock_guard lock(asked_mutex_);
      if (source.required) not_ready_.insert(label);
    }
    Status status = load_and_publish(source, make_backend);
    const std::lock_guard lock(asked_mutex_);
    // A replacement that failed leaves the version before it serving.
    if (status.ok() || catalog_.find(source.name, source.version).ok()) not_ready_.erase(label);
    return status;
  }

  template <class MakeBackend>
  Status load_and_publish(const ModelSource& source, MakeBackend make_backend) {
    Result<ModelCatalog::Entry> model = make_version(source, make_backend);
    if (!model.ok()) return model.status();
    if (const auto replaced = catalog_.put(source.name, source.version, *std::move(model))) {
      replaced->drain(kNever);
      replaced->stop();
    }
    return {};
  }

  template <class MakeBackend>
  Result<ModelCatalog::Entry> make_version(const ModelSource& source, MakeBackend make_backend) {
    if (source.config && source.config->is_ensemble()) {
      Result<std::shared_ptr<ServedEnsemble>> made =
          load_ensemble(source, catalog_, pipeline_, clock_);
      if (source.config->response_cache) {
        log_.log(Severity::warning, "ensemble '" + source.name +
                                        "': response_cache has no effect; it does for its members");
      }
      return made.ok() ? Result<ModelCatalog::Entry>(*std::move(made)) : made.status();
    }
    const EngineParts parts = {&options_, &slabs_, &copies_, &clock_,      &watch_,
                               &pool_,    &log_,   &books_,  cache_parts()};
    Result<PreparedVersion> prepared = Status::internal("not prepared");
    ExecutionTrials::Trial afterwards;
    bool before_serving = false;
    const auto prepare = [&] {
      Result<ExecutionChoice> made = make_backend();
      if (!made.ok()) {
        prepared = made.status();
        return;
      }
      afterwards = std::move(made->afterwards);
      before_serving = made->before_serving;
      prepared = prepare_version(source, {std::move(made->backend), std::move(made->note)}, parts);
    };
    // With more threads than one a session makes its own, which would stay quiet for ever.
    if (source.in_background && source.ort.intra_op_threads == 1) {
      run_quietly(prepare);
    } else {
      prepare();
    }
    if (!prepared.ok()) return prepared.status();
    Result<std::shared_ptr<Servable>> started = start_version(*std::move(prepared), parts);
    if (!started.ok()) return started.status();
    if (afterwards && before_serving) afterwards({});
    const Result<ModelCatalog::Entry> before = catalog_.find(source.name, source.version);
    keeper_.adopt(**started, before.ok() ? before->get() : nullptr);
    if (afterwards && !before_serving) trials_.add(std::move(afterwards));
    return ModelCatalog::Entry(*std::move(started));
  }

  CacheParts cache_parts() {
    return {answers_.get(), &cache_keys_, &clock_, &watch_, &copies_, &log_,
            // It had been accepted, so it is let in while new ones are refused.
            [this](PendingRef pending) {
              pipeline_.submit(std::move(pending), Pipeline::From::ensemble);
            },
            options_.queue_requests_max, loads_.fetch_add(1, std::memory_order_relaxed)};
  }

  void note_asked(const ModelSet& set);
  void note_served(const std::string& name);

  const EngineOptions options_;
  const std::unique_ptr<PredictionCache> answers_;  // null: none are kept
  const KeyMaker cache_keys_;
  std::atomic<std::uint64_t> loads_{0};
  LogSink& log_;
  SteadyClock clock_;
  CopyMeter copies_;
  ModelBackends backends_;
  FeedbackBooks books_{options_.feedback, clock_};
  SlabPool slabs_;
  LanePool pool_;  // before whatever holds models
  mutable std::mutex asked_mutex_;
  std::set<std::string> not_ready_;  // guarded by asked_mutex_: asked for, not (yet) serving
  ModelCatalog catalog_;
  ModelRoutes routes_{catalog_, {catalog_, clock_, copies_, [this](const std::string& model) {
                                   const PoolStats pool = pool_.stats();
                                   return pool.busy_cores < pool.cores && routes_.is_calm(model);
                                 }}};
  Pipeline pipeline_;
  Retirement retirement_;
  DeadlineWatch watch_;  // its thread reads the catalog, and so does the next one's
  DriftKeeper keeper_;
  ExecutionTrials trials_;
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
  keeper_.leave(*model);
  model->stop();
  return {};
}

void EngineImpl::note_asked(const ModelSet& set) {
  const std::lock_guard lock(asked_mutex_);
  for (const ModelSource& source : set.load) {
    if (source.required) not_ready_.insert(set.name + "/" + std::to_string(source.version));
  }
}

// What was asked for before and is no part of the set is not waited for any more.
void EngineImpl::note_served(const std::string& name) {
  const std::lock_guard lock(asked_mutex_);
  std::erase_if(not_ready_, [&](const std::string& label) {
    return label.starts_with(name) && label.find('/') == name.size();
  });
}

std::vector<Status> EngineImpl::replace(const ModelSet& set) {
  if (Status s = check_model_name(set.name); !s.ok()) return {s};
  note_asked(set);
  ModelCatalog::Change change;
  change.keep = set.keep;
  change.labels = {set.labels.begin(), set.labels.end()};
  std::vector<Status> statuses;
  bool complete = true;
  for (const ModelSource& source : set.load) {
    Status status = source.validate();
    if (status.ok()) {
      Result<ModelCatalog::Entry> made =
          make_version(source, [&] { return backends_.make(source); });
      status = made.status();
      if (made.ok()) change.put[source.version] = *std::move(made);
    }
    complete = complete && status.ok();
    statuses.push_back(std::move(status));
  }
  if (!complete) {
    for (const auto& [version, entry] : change.put) entry->stop();
    return statuses;
  }
  for (auto& retired : catalog_.replace(set.name, std::move(change))) {
    retirement_.add(std::move(retired));
  }
  note_served(set.name);
  return statuses;
}

Status EngineImpl::load_repository(const std::string& directory) {
  Result<std::vector<ModelFolder>> folders = read_repository(directory);
  if (!folders.ok()) return folders.status();
  Status first_failure;
  const auto failed = [&](const std::string& what, const Status& status) {
    log_.log(Severity::error, "model '" + what + "' was not loaded: " + status.to_string());
    if (first_failure.ok()) first_failure = Status(status.code(), what + ": " + status.message());
  };
  for (const ModelFolder& folder : *folders) {
    if (folder.status.code() == Code::not_found) {
      log_.log(Severity::warning,
               "model repository: skipped " + folder.name + ": " + folder.status.message());
      continue;
    }
    if (!folder.status.ok()) failed(folder.name, folder.status);
    for (const std::int64_t version : folder.served_versions()) {
      const Status status = load(model_source(folder, version));
      if (!status.ok()) failed(folder.name + "/" + std::to_string(version), status);
    }
  }
  return first_failure;
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::create(EngineOptions options, LogSink& log) {
  if (Status s = options.validate(); !s.ok()) return s;
  std::unique_ptr<GraphCache> graphs;
  if (!options.cache_directory.empty()) {
    auto opened = GraphCache::open(options.cache_directory, options.cache_bytes_max);
    if (!opened.ok()) return opened.status();
    graphs = *std::move(opened);
  }
  std::unique_ptr<PredictionCache> answers;
  if (options.response_cache_bytes > 0) {
    auto made = PredictionCache::create(options.response_cache_bytes);
    if (!made.ok()) return made.status();
    answers = *std::move(made);
  }
  return std::unique_ptr<Engine>(
      std::make_unique<EngineImpl>(std::move(options), std::move(graphs), std::move(answers), log));
}

}  // namespace mlops
