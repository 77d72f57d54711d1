#pragma once
// The server's log: one line per event on a file descriptor (standard error), whole or not at all.
// Thread-safe; a slow reader of the descriptor blocks the caller.

#include <mutex>
#include <string>
#include <string_view>

#include "base/log.h"

namespace mlops {

enum class LogFormat { json, text };

class LogLines final : public LogSink {
 public:
  LogLines(LogFormat format, int fd) : format_(format), fd_(fd) {}
  void log(Severity severity, std::string_view message) override;

 private:
  LogFormat format_;
  int fd_;
  std::mutex mutex_;
};

// `unix_us` is microseconds since the epoch. Pure; ends with a newline.
std::string log_line(LogFormat format, Severity severity, std::string_view message,
                     long long unix_us);

}  // namespace mlops
