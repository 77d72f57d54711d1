#include "run_server.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include "admin/signals.h"
#include "check_models.h"
#include "protocol/grpc_cold.h"
#include "server.h"

namespace mlops {
namespace {

std::vector<std::string> ort_candidates(const ServerConfig& config) {
  if (!config.ort_library.empty()) return {config.ort_library};
  std::error_code failed;
  const auto binary = std::filesystem::read_symlink("/proc/self/exe", failed);
  return ort_library_candidates(failed ? std::string() : binary.parent_path().string());
}

Status check_repositories(const ServerConfig& config) {
  for (const std::string& directory : config.model_repositories) {
    std::error_code failed;
    if (std::filesystem::is_directory(directory, failed)) continue;
    return Status::not_found("the model repository '" + directory + "' is not a folder");
  }
  return {};
}

// For programs that start the server: which ports, and when.
void announce(const char* event, const ServerPorts& ports, const std::string& more = {}) {
  std::printf("{\"event\":\"%s\",\"http_port\":%d,\"grpc_port\":%d,\"metrics_port\":%d%s}\n", event,
              ports.http, ports.grpc, ports.metrics, more.c_str());
  std::fflush(stdout);
}

std::string milliseconds_since(TimePoint start) {
  const auto passed = std::chrono::steady_clock::now() - start;
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(passed).count());
}

class Process {
 public:
  explicit Process(const ServerConfig& config)
      : config_(config), log_(config.log_format, STDERR_FILENO) {}

  int run() {
    silence_protobuf_log();
    if (Status status = check_repositories(config_); !status.ok()) return fail(status);
    EngineOptions options;
    options.ort_libraries = ort_candidates(config_);
    options.serving = config_.model_limits;
    Result<std::unique_ptr<Engine>> engine = Engine::create(std::move(options), log_);
    if (!engine.ok()) return fail(engine.status());
    engine_ = std::move(*engine);
    repository_ = std::make_unique<RepositoryControl>(*engine_, log_, repository_options(config_));
    Result<std::unique_ptr<Server>> server =
        Server::start(config_, *engine_, log_, repository_.get(), &log_);
    if (!server.ok()) return fail(server.status());
    server_ = std::move(*server);
    announce("listening", server_->ports());
    std::thread loader([this] { load(); });
    const int signal = signals_.wait();
    if (!load_failed_.load()) {
      log_.log(Severity::info, signal == SIGTERM ? "SIGTERM: draining" : "SIGINT: draining");
    }
    drain();
    if (!loading_done_.load() || repository_->busy()) {
      // A model that is still loading cannot be interrupted, and nobody waits for it any more.
      log_.log(Severity::warning, "exiting while models are loading");
      std::_Exit(0);
    }
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

  void load() {
    const Status status = repository_->start();
    server_->set_loaded();
    if (!status.ok()) log_.log(Severity::error, "model repository: " + status.message());
    const std::string count = std::to_string(engine_->models().size());
    if (engine_->ready() && status.ok()) {
      announce("ready", server_->ports(),
               ",\"models\":" + count + ",\"start_ms\":" + milliseconds_since(started_));
    } else {
      log_.log(Severity::error,
               "not ready: " + count + " models are served, others failed to load");
    }
    if (config_.model_control_mode == RepositoryMode::poll) {
      repository_->poll_every(std::chrono::seconds(config_.repository_poll_secs));
    }
    loading_done_.store(true);
    if (!status.ok() && config_.exit_on_error) {
      log_.log(Severity::error, "exiting, for a model could not be loaded (--exit-on-error)");
      load_failed_.store(true);
      ::kill(::getpid(), SIGTERM);
    }
  }

  void drain() {
    const TimePoint deadline =
        std::chrono::steady_clock::now() + std::chrono::seconds(config_.exit_timeout_s);
    const bool closed = server_->drain(deadline);
    const bool finished = engine_->drain(deadline);
    if (!closed || !finished) {
      log_.log(Severity::warning, "the exit timeout passed with requests in flight");
    }
  }

  const ServerConfig& config_;
  const TimePoint started_ = std::chrono::steady_clock::now();
  StopSignals signals_;  // before any thread
  LogLines log_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<RepositoryControl> repository_;  // before the engine and after the server goes
  std::atomic<bool> loading_done_{false};
  std::atomic<bool> load_failed_{false};  // and that is to end the process
};

}  // namespace

int run_server(const ServerConfig& config) { return Process(config).run(); }

int check_server(const ServerConfig& config) {
  const std::vector<std::string> candidates = ort_candidates(config);
  std::fputs(describe(config, candidates).c_str(), stdout);
  if (const Status status = check_repositories(config); !status.ok()) {
    std::fprintf(stderr, "mlops-server: %s\n", status.message().c_str());
    return 1;
  }
  NullLog silent;
  const ModelsCheck models = check_models(config, candidates, silent);
  std::fputs(models.text.c_str(), stdout);
  return models.ok ? 0 : 1;
}

}  // namespace mlops
