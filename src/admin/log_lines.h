#pragma once
// The server's log: one line per event, whole or not at all, on a file descriptor (standard error)
// or in a file. Thread-safe; a slow reader of the descriptor blocks the caller.

#include <mutex>
#include <string>
#include <string_view>

#include "base/log.h"
#include "net/fd.h"
#include "protocol/log_settings.h"

namespace mlops {

enum class LogFormat { json, text };

class LogLines final : public LogSink, public LogControl {
 public:
  LogLines(LogFormat format, int fd) : format_(format), fd_(fd) {}
  // Appends to this file from now on, which is made anew when it has been moved away; empty: to the
  // descriptor again. When the file cannot be opened, nothing changes.
  Status open(const std::string& file);
  void log(Severity severity, std::string_view message) override;

  LogSettings settings() const override;
  void update(const LogUpdate& update) override;
  void request(const RequestLine& line) override;

 private:
  bool wanted(Severity severity) const;
  LogFormat format() const;
  void write(std::string_view level, std::string_view message);
  void write(const std::string& line);

  const LogFormat format_;
  const int fd_;
  // Read for each line, changed by few: a line that is being written may still follow the old ones.
  std::atomic<bool> info_{true}, warning_{true}, error_{true}, iso8601_{false};
  mutable std::mutex mutex_;
  Fd file_;           // guarded by mutex_
  std::string path_;  // likewise
};

// "2026-11-23T20:15:00.000001Z", of microseconds since the epoch. Pure.
std::string utc_time(long long unix_us);
// Likewise pure; ends with a newline.
std::string log_line(LogFormat format, std::string_view level, std::string_view message,
                     long long unix_us);
// What is not known is left out.
std::string log_line(LogFormat format, const RequestLine& request, long long unix_us);

}  // namespace mlops
