#pragma once
// What the server was told: a file, then the environment for limits that few set, then the command
// line; the later counts. docs/operations.md lists everything. Reads nothing but that one file and,
// through a function that tests replace, the environment.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/log_lines.h"
#include "base/status.h"
#include "config_limits.h"
#include "config_operations.h"
#include "config_security.h"
#include "engine/engine.h"
#include "engine/repository_control.h"

namespace mlops {

struct ServerConfig {
  std::vector<std::string> model_repositories;
  RepositoryMode model_control_mode = RepositoryMode::none;
  std::vector<std::string> load_models;  // explicit mode only; "*": all
  unsigned repository_poll_secs = 15;
  unsigned model_load_threads = 4;
  bool strict_model_config = false;  // models without config.pbtxt are refused
  bool exit_on_error = false;        // when a model cannot be loaded at start
  std::string host = "0.0.0.0";
  std::string http_address;  // of one door; empty: host
  std::string grpc_address;
  std::string metrics_address;  // empty: the HTTP door's
  bool allow_http = true;       // false: as with port -1
  bool allow_grpc = true;
  bool allow_metrics = true;
  int http_port = 8000;  // 0: any free one; -1: none
  int grpc_port = 8001;
  int metrics_port = 8002;
  unsigned threads = 0;          // event loops; 0: one per usable core
  unsigned busy_poll_us = 0;     // of the event loops, after something happened
  unsigned compute_threads = 0;  // of all models' lanes; 0: likewise
  std::string ort_library;       // empty: searched for
  LogFormat log_format = LogFormat::json;
  unsigned exit_timeout_s = 30;
  MetricsOptions metrics;
  bool allow_client_shm = false;
  OperationsConfig operations;
  SecurityConfig security;
  ServingLimits model_limits;
  DriftSettings drift;
  FeedbackSettings feedback;
  ExecutionWish execution;

  std::vector<std::string> without_effect;  // flags of Triton that change nothing here

  std::string config_file;
  bool check_only = false;
  bool help = false;
  bool version = false;

  // From the environment: MLOPS_<name in capitals>.
  ConnectionLimits limits;
  std::size_t request_bytes_max = std::size_t{64} << 20;
  std::size_t request_memory_bytes_max = std::size_t{2}
                                         << 30;  // bodies being received or in flight
  std::string server_name = "mlops-server";
  std::string server_version;  // empty: our own

  const std::string& http_host() const { return http_address.empty() ? host : http_address; }
  const std::string& grpc_host() const { return grpc_address.empty() ? host : grpc_address; }
  const std::string& metrics_host() const {
    return metrics_address.empty() ? http_host() : metrics_address;
  }
};

using Environment = std::function<const char*(const char* name)>;
const char* process_environment(const char* name);

// `arguments` without the program's name. An unknown flag's error names the nearest known one.
Result<ServerConfig> parse_config(std::span<const char* const> arguments,
                                  const Environment& environment);

// What --config reads: TOML whose keys are the flags without their dashes, or the variables in
// lower case with dashes. An unknown key's error names its line and the nearest known one.
Status apply_config_text(std::string_view text, ServerConfig& config);

std::vector<std::pair<std::string, std::string>> describe(const ExecutionWish& wish);

std::string help_text();
// One "name = value" line per setting, as resolved: what --check prints.
std::string describe(const ServerConfig& config, const std::vector<std::string>& ort_candidates);

}  // namespace mlops
