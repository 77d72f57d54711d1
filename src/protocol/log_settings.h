#pragma once
// Triton's logging extension: what the server's log writes, read and changed while it runs.
// Thread-safe.

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "protocol/request_line.h"

namespace mlops {

struct LogSettings {
  bool info = true;
  bool warning = true;
  bool error = true;
  std::uint32_t verbose_level = 0;  // from 1: a line for each request
  bool iso8601 = false;             // text lines; otherwise the format that the server started with
  std::string file;                 // empty: standard error
};

// What a client wants changed.
struct LogUpdate {
  std::optional<bool> info, warning, error;
  std::optional<std::uint32_t> verbose_level;
  std::optional<bool> iso8601;
};

class LogControl {
 public:
  virtual ~LogControl() = default;
  virtual LogSettings settings() const = 0;
  virtual void update(const LogUpdate& update) = 0;
  virtual void request(const RequestLine& line) = 0;
  // Lines that were wanted and could not be written.
  virtual std::uint64_t lines_lost() const { return 0; }

  // One relaxed load: asked for each request.
  bool is_verbose() const { return verbose_level_.load(std::memory_order_relaxed) > 0; }

 protected:
  std::atomic<std::uint32_t> verbose_level_{0};
};

// The HTTP form. An unknown key, and another log file, are errors; null changes nothing.
Result<LogUpdate> parse_log_update(std::string_view body);
std::string log_settings_json(const LogSettings& settings);

// The gRPC form: takes one LogSettingsRequest, gives the LogSettingsResponse.
Result<std::string> answer_grpc_log_settings(std::string_view message, LogControl& log);

}  // namespace mlops
