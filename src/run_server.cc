#include "run_server.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include "admin/signals.h"
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

Status check_repository(const ServerConfig& config) {
  std::error_code failed;
  if (std::filesystem::is_directory(config.model_repository, failed)) return {};
  return Status::not_found("the model repository '" + config.model_repository +
                           "' is not a folder");
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
    if (Status status = check_repository(config_); !status.ok()) return fail(status);
    EngineOptions options;
    options.ort_libraries = ort_candidates(config_);
    Result<std::unique_ptr<Engine>> engine = Engine::create(std::move(options), log_);
    if (!engine.ok()) return fail(engine.status());
    engine_ = std::move(*engine);
    Result<std::unique_ptr<Server>> server = Server::start(config_, *engine_, log_);
    if (!server.ok()) return fail(server.status());
    server_ = std::move(*server);
    announce("listening", server_->ports());
    std::thread loader([this] { load(); });
    const int signal = signals_.wait();
    log_.log(Severity::info, signal == SIGTERM ? "SIGTERM: draining" : "SIGINT: draining");
    drain();
    if (!loading_done_.load()) {
      // A model that is still loading cannot be interrupted, and nobody waits for it any more.
      log_.log(Severity::warning, "exiting while models are loading");
      std::_Exit(0);
    }
    loader.join();
    server_->stop();
    engine_.reset();  // before the loops: its last replies are posted to them
    server_.reset();
    log_.log(Severity::info, "stopped");
    return 0;
  }

 private:
  int fail(const Status& status) {
    log_.log(Severity::error, status.message());
    return 1;
  }

  void load() {
    const Status status = engine_->load_repository(config_.model_repository);
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
    loading_done_.store(true);
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
  std::atomic<bool> loading_done_{false};
};

}  // namespace

int run_server(const ServerConfig& config) { return Process(config).run(); }

int check_server(const ServerConfig& config) {
  std::fputs(describe(config, ort_candidates(config)).c_str(), stdout);
  const Status status = check_repository(config);
  if (status.ok()) return 0;
  std::fprintf(stderr, "mlops-server: %s\n", status.message().c_str());
  return 1;
}

}  // namespace mlops
