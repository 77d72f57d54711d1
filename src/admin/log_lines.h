#pragma once
// The server's log: one line per event, whole or not at all, on a file descriptor (standard error)
// or in a file. Thread-safe; nobody waits for who reads it: lines that there is no memory for are
// lost, and counted in a line of their own.

#include <mutex>
#include <string>
#include <string_view>

#include "admin/line_writer.h"
#include "base/log.h"
#include "protocol/log_settings.h"

namespace mlops {

enum class LogFormat { json, text };

class LogLines final : public LogSink, public LogControl {
 public:
  static constexpr std::size_t kBytesMax = std::size_t{1} << 20;  // of lines to be written

  LogLines(LogFormat format, int fd, std::size_t bytes_max = kBytesMax);
  // Appends to this file from now on, which is made anew when it has been moved away; empty: to the
  // descriptor again. When the file cannot be opened, nothing changes.
  Status open(const std::string& file);
  void log(Severity severity, std::string_view message) override;

  LogSettings settings() const override;
  void update(const LogUpdate& update) override;
  void request(const RequestLine& line) override;
  std::uint64_t lines_lost() const override { return writer_.lost(); }

  // Until what was logged before is written; false: not within `patience`.
  bool flush(std::chrono::milliseconds patience) { return writer_.flush(patience); }
  // For last_words.h.
  bool flush_at_end(std::chrono::milliseconds patience) noexcept {
    return writer_.flush_at_end(patience);
  }

 private:
  bool wanted(Severity severity) const;
  LogFormat format() const;
  const LogFormat format_;
  // Read for each line, changed by few: a line that is being written may still follow the old ones.
  std::atomic<bool> info_{true}, warning_{true}, error_{true}, iso8601_{false};
  mutable std::mutex mutex_;
  std::string path_;   // guarded by mutex_
  LineWriter writer_;  // last: it asks for format()
};

// "2026-11-23T20:15:00.000001Z", of microseconds since the epoch. Pure.
std::string utc_time(long long unix_us);
// Likewise pure; ends with a newline.
std::string log_line(LogFormat format, std::string_view level, std::string_view message,
                     long long unix_us);
// What is not known is left out.
std::string log_line(LogFormat format, const RequestLine& request, long long unix_us);

}  // namespace mlops
