#include "run_server.h"

#include <sys/auxv.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include "admin/last_words.h"
#include "admin/signals.h"
#include "check_models.h"
#include "protocol/grpc_cold.h"
#include "server.h"
#include "store/remote_repositories.h"

namespace mlops {
namespace {

constexpr auto kTrialGrace = std::chrono::seconds(1);

std::vector<std::string> ort_candidates(const ServerConfig& config) {
  if (!config.ort_library.empty()) return {config.ort_library};
  std::error_code failed;
  const auto binary = std::filesystem::read_symlink("/proc/self/exe", failed);
  std::vector<std::string> found =
      ort_library_candidates(failed ? std::string() : binary.parent_path().string());
  // What it was started by may be a link, as a virtual environment has it to a build.
  const auto* name = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
  const std::filesystem::path started_as = name ? name : "";
  std::vector<std::string> first = ort_library_candidates(started_as.parent_path().string());
  std::erase_if(first,
                [&](const std::string& path) { return std::ranges::count(found, path) > 0; });
  found.insert(found.begin(), first.begin(), first.end());
  return found;
}

Status check_repositories(const std::vector<std::string>& directories) {
  for (const std::string& directory : directories) {
    std::error_code failed;
    if (std::filesystem::is_directory(directory, failed)) continue;
    return Status::not_found("the model repository '" + directory + "' is not a folder");
  }
  return {};
}

Result<std::unique_ptr<RemoteRepositories>> open_remotes(const ServerConfig& config, LogSink& log) {
  const StoreConfig& store = config.operations.store;
  return RemoteRepositories::open(config.model_repositories, store.cache, store.s3, log);
}

// For programs that start the server: which ports, and when.
void announce(const char* event, const ServerPorts& ports, const std::string& more = {}) {
  const std::string admin =
      ports.admin >= 0 ? ",\"admin_port\":" + std::to_string(ports.admin) : std::string();
  std::printf("{\"event\":\"%s\",\"http_port\":%d,\"grpc_port\":%d,\"metrics_port\":%d%s%s}\n",
              event, ports.http, ports.grpc, ports.metrics, admin.c_str(), more.c_str());
  std::fflush(stdout);
}

std::string milliseconds_since(TimePoint start) {
  const auto passed = std::chrono::steady_clock::now() - start;
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(passed).count());
}

// Settings that connections opened after a reload have.
std::vector<std::string> limit_names() {
  std::vector<std::string> names = {"request-bytes-max"};
  for (const auto& [name, value] : describe(ConnectionLimits{})) names.push_back(name);
  return names;
}

class Process {
 public:
  Process(const ServerConfig& config, const Reload::Reader& reread)
      : config_(config),
        log_(config.log_format, STDERR_FILENO),
        exit_timeout_s_(config.exit_timeout_s),
        reload_(config, reread, log_) {}

  int run() {
    silence_protobuf_log();
    if (Status status = apply_log(config_.operations.log); !status.ok()) return fail(status);
    warn_of_settings();
    auto remotes = open_remotes(config_, log_);
    if (!remotes.ok()) return fail(remotes.status());
    remotes_ = std::move(*remotes);
    if (Status s = check_repositories(remotes_->directories()); !s.ok()) return fail(s);
    EngineOptions options;
    options.ort_libraries = ort_candidates(config_);
    options.compute_threads = config_.compute_threads;
    options.cache_directory = config_.operations.cache_directory;
    options.cache_bytes_max = config_.operations.cache_bytes_max;
    options.response_cache_bytes = config_.operations.response_cache_bytes;
    options.serving = config_.model_limits;
    options.drift = config_.drift;
    options.feedback = config_.feedback;
    options.execution = config_.execution;
    Result<std::unique_ptr<Engine>> engine = Engine::create(std::move(options), log_);
    if (!engine.ok()) return fail(engine.status());
    engine_ = std::move(*engine);
    RepositoryOptions repository = repository_options(config_);
    repository.directories = remotes_->directories();
    if (remotes_->any()) {
      repository.refresh = [this](const std::string& model) { return remotes_->refresh(model); };
    }
    repository_ = std::make_unique<RepositoryControl>(*engine_, log_, std::move(repository));
    Result<std::unique_ptr<Server>> server =
        Server::start(config_, *engine_, log_, repository_.get(), &log_);
    if (!server.ok()) return fail(server.status());
    server_ = std::move(*server);
    announce("listening", server_->ports());
    std::thread loader([this] { load(); });
    add_reload_hooks();
    int signal = 0;
    while ((signal = signals_.wait()) == SIGHUP) reload();
    remotes_->interrupt();
    server_->supervisor().send("STOPPING=1\nSTATUS=answering what is in flight");
    if (!load_failed_.load()) {
      log_.log(Severity::info, signal == SIGTERM ? "SIGTERM: draining" : "SIGINT: draining");
    }
    drain();
    leave_what_nobody_waits_for();
    loader.join();
    server_->stop();
    repository_.reset();
    engine_.reset();  // before the loops: its last replies are posted to them
    server_.reset();
    log_.log(Severity::info, "stopped");
    return load_failed_.load() ? 1 : 0;
  }

 private:
  int fail(const Status& status) {
    log_.log(Severity::error, status.message());
    return 1;
  }

  void warn_of_settings() {
    if (config_.without_effect.empty()) return;
    std::string names;
    for (const std::string& name : config_.without_effect) names += " --" + name;
    log_.log(Severity::warning, "settings of Triton that have no effect here:" + names);
  }

  Status apply_log(const LogConfig& log) {
    log_.update({log.info, log.warning, log.error, log.verbose_level, {}});
    return log_.open(log.file);
  }

  // Whoever owns something that can change adds it here.
  void add_reload_hooks() {
    reload_.add({"log",
                 {"log-file", "log-verbose", "log-info", "log-warning", "log-error"},
                 [this](const ServerConfig& c) { return apply_log(c.operations.log); }});
    reload_.add({"traces",
                 {"trace-level", "trace-rate", "trace-count", "trace-log-frequency"},
                 [this](const ServerConfig& c) {
                   server_->trace().set_initial(c.operations.trace.settings);
                   return Status();
                 }});
    reload_.add({"limits", limit_names(), [this](const ServerConfig& c) {
                   server_->set_limits(c);
                   return Status();
                 }});
    reload_.add({"health",
                 {"stuck-after-s", "ready-memory-percent", "ready-disk-free-mb"},
                 [this](const ServerConfig& c) {
                   server_->health().configure(c.operations.health);
                   return Status();
                 }});
    reload_.add(
        {"certificates", {}, [this](const ServerConfig&) { return server_->reload_security(); }});
    reload_.add({"restricted calls",
                 {"http-restricted-api", "grpc-restricted-protocol"},
                 [this](const ServerConfig& c) {
                   server_->set_restrictions(c);
                   return Status();
                 }});
    reload_.add({"exit timeout", {"exit-timeout-s"}, [this](const ServerConfig& c) {
                   exit_timeout_s_ = c.exit_timeout_s;
                   return Status();
                 }});
    reload_.add({"repository", {"repository-poll-secs"}, [this](const ServerConfig& c) {
                   repository_->set_poll_period(std::chrono::seconds(c.repository_poll_secs));
                   return renew_labels();
                 }});
  }

  Status renew_labels() {
    // That would have to wait for what is loading, and signals with it.
    if (!loading_done_.load() || repository_->busy()) {
      return Status::unavailable("labels stay as they are while models load; reload again");
    }
    return repository_->renew_labels();
  }

  void reload() {
    log_.log(Severity::info, "SIGHUP: reloading");
    server_->supervisor().send_reloading();
    (void)reload_.run();  // logs what it did
    server_->supervisor().send("READY=1");
  }

  void load() {
    const Status status = repository_->start();
    server_->set_loaded();
    loading_done_.store(true);  // before anybody is told
    if (!status.ok()) log_.log(Severity::error, "model repository: " + status.message());
    const std::string count = std::to_string(engine_->models().size());
    if (engine_->ready() && status.ok()) {
      announce("ready", server_->ports(),
               ",\"models\":" + count + ",\"start_ms\":" + milliseconds_since(started_));
    } else {
      log_.log(Severity::error,
               "not ready: " + count + " models are served, others failed to load");
    }
    // The service is up although a model may be missing: health checks say whether it is ready.
    server_->supervisor().send("READY=1\nSTATUS=" + count + " models are served");
    if (config_.model_control_mode == RepositoryMode::poll) {
      repository_->poll_every(std::chrono::seconds(config_.repository_poll_secs));
    }
    if (!status.ok() && config_.exit_on_error) {
      log_.log(Severity::error, "exiting, for a model could not be loaded (--exit-on-error)");
      load_failed_.store(true);
      ::kill(::getpid(), SIGTERM);
    }
  }

  // A graph that is being loaded or compiled cannot be interrupted: the process ends around it.
  void leave_what_nobody_waits_for() {
    const bool tried = engine_->end_background(std::chrono::steady_clock::now() + kTrialGrace);
    const bool loaded = loading_done_.load() && !repository_->busy();
    if (tried && loaded) return;
    log_.log(Severity::warning, loaded ? "exiting while a model is being tried in another back end"
                                       : "exiting while models are loading");
    (void)log_.flush(std::chrono::seconds(1));
    std::_Exit(load_failed_.load() ? 1 : 0);
  }

  void drain() {
    const TimePoint deadline =
        std::chrono::steady_clock::now() + std::chrono::seconds(exit_timeout_s_);
    const bool closed = server_->drain(deadline);
    const bool finished = engine_->drain(deadline);
    if (!closed || !finished) {
      log_.log(Severity::warning, "the exit timeout passed with requests in flight");
    }
  }

  const ServerConfig& config_;
  const TimePoint started_ = std::chrono::steady_clock::now();
  ProcessSignals signals_;  // before any thread
  LogLines log_;
  const LastWords last_words_{log_};
  unsigned exit_timeout_s_;
  Reload reload_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<RemoteRepositories> remotes_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<RepositoryControl> repository_;  // before the engine and after the server goes
  std::atomic<bool> loading_done_{false};
  std::atomic<bool> load_failed_{false};  // and that is to end the process
};

}  // namespace

int run_server(const ServerConfig& config, const Reload::Reader& reread) {
  return Process(config, reread).run();
}

int check_server(const ServerConfig& config) {
  const std::vector<std::string> candidates = ort_candidates(config);
  std::fputs(describe(config, candidates).c_str(), stdout);
  NullLog silent;
  const auto remotes = open_remotes(config, silent);
  Status status = remotes.ok() ? (*remotes)->refresh("") : remotes.status();
  if (status.ok()) status = check_repositories((*remotes)->directories());
  if (!status.ok()) {
    std::fprintf(stderr, "mlops-server: %s\n", status.message().c_str());
    return 1;
  }
  ServerConfig local = config;
  local.model_repositories = (*remotes)->directories();
  const ModelsCheck models = check_models(local, candidates, silent);
  std::fputs(models.text.c_str(), stdout);
  return models.ok ? 0 : 1;
}

}  // namespace mlops
