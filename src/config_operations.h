#pragma once
// What operators set besides ports and models: the log, traces, health, the process's supervisor.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "protocol/trace_settings.h"
#include "store/s3_access.h"
#include "telemetry/otlp_options.h"

namespace mlops {

struct LogConfig {
  std::string file;  // empty: standard error
  bool info = true;
  bool warning = true;
  bool error = true;
  std::uint32_t verbose_level = 0;
};

struct TraceConfig {
  TraceMode mode = TraceMode::triton;
  std::string file;  // Triton's mode; empty: traces are not written
  TraceSettings settings;
  OtlpOptions otlp;
};

// When a server that could answer should get no requests.
struct HealthConfig {
  unsigned stuck_after_s = 300;    // requests wait and nothing is run; 0: never
  unsigned memory_percent = 97;    // of the container's or machine's memory in use; 0: never
  unsigned disk_free_mb_min = 16;  // where logs, traces and models are written; 0: never
};

// What systemd tells its services about itself.
struct SupervisorConfig {
  std::string notify_socket;      // empty: nobody wants to hear
  std::uint64_t watchdog_us = 0;  // within which it wants a sign of life; 0: never
};

// Model repositories that are not folders.
struct StoreConfig {
  S3Access s3;
  std::string cache = "/var/tmp/mlops-server";  // where copies of them lie
};

struct OperationsConfig {
  // Where what was made at a first start is kept for the next ones; empty: nowhere.
  std::string cache_directory;
  std::uint64_t cache_bytes_max = std::uint64_t{4} << 30;
  std::uint64_t response_cache_bytes = 0;  // of answers that are kept; 0: none are
  std::string route_file;                  // where the routes of models are kept; empty: nowhere
  LogConfig log;
  TraceConfig trace;
  HealthConfig health;
  SupervisorConfig supervisor;
  StoreConfig store;
};

Status check(const OperationsConfig& config);
// "name", "value" pairs, as --check prints them.
std::vector<std::pair<std::string, std::string>> describe(const OperationsConfig& config);

}  // namespace mlops
