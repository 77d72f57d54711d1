#pragma once
// The server's log: one line per event on a file descriptor (standard error), whole or not at all.
// Thread-safe; a slow reader of the descriptor blocks the caller.

#include <mutex>
#include <string>
#include <string_view>

#include "base/log.h"
#include "protocol/log_settings.h"

namespace mlops {

enum class LogFormat { json, text };

class LogLines final : public LogSink, public LogControl {
 public:
  LogLines(LogFormat format, int fd) : format_(format), fd_(fd) {}
  void log(Severity severity, std::string_view message) override;

  LogSettings settings() const override;
  void update(const LogUpdate& update) override;
  void verbose(std::string_view message) override;

 private:
  bool wanted(Severity severity) const;
  void write(std::string_view level, std::string_view message);

  const LogFormat format_;
  const int fd_;
  // Read for each line, changed by few: a line that is being written may still follow the old ones.
  std::atomic<bool> info_{true}, warning_{true}, error_{true}, iso8601_{false};
  std::mutex mutex_;
};

// `unix_us` is microseconds since the epoch. Pure; ends with a newline.
std::string log_line(LogFormat format, std::string_view level, std::string_view message,
                     long long unix_us);

}  // namespace mlops
