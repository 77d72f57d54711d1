#pragma once
// What the server was told: command line for what everyone sets, environment for limits that few
// do. docs/operations.md lists both. Pure but for the environment lookup, which tests replace.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "admin/log_lines.h"
#include "base/status.h"
#include "engine/engine.h"

namespace mlops {

struct ServerConfig {
  std::string model_repository;
  std::string host = "0.0.0.0";
  int http_port = 8000;  // 0: any free one; -1: none
  int grpc_port = 8001;
  int metrics_port = 8002;
  unsigned threads = 0;     // event loops; 0: one per usable core
  std::string ort_library;  // empty: searched for
  LogFormat log_format = LogFormat::json;
  unsigned exit_timeout_s = 30;
  MetricsOptions metrics;

  bool check_only = false;
  bool help = false;
  bool version = false;

  // From the environment: MLOPS_<name in capitals>.
  std::size_t connections_max = 16384;  // all loops and ports together
  std::size_t request_bytes_max = std::size_t{64} << 20;
  std::size_t request_memory_bytes_max = std::size_t{2}
                                         << 30;  // bodies being received or in flight
  std::uint64_t receive_timeout_ms = 30'000;
  std::uint64_t idle_timeout_ms = 120'000;
  std::string server_name = "mlops-server";
};

using Environment = std::function<const char*(const char* name)>;
const char* process_environment(const char* name);

// `arguments` without the program's name. An unknown flag's error names the nearest known one.
Result<ServerConfig> parse_config(std::span<const char* const> arguments,
                                  const Environment& environment);

std::string help_text();
// One "name = value" line per setting, as resolved: what --check prints.
std::string describe(const ServerConfig& config, const std::vector<std::string>& ort_candidates);

}  // namespace mlops
