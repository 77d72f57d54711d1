#include "admin/log_lines.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <ctime>

#include "protocol/json_text.h"

namespace mlops {
namespace {

std::string_view severity_name(Severity severity) {
  if (severity == Severity::error) return "error";
  return severity == Severity::warning ? "warning" : "info";
}

std::string utc_time(long long unix_us) {
  const auto seconds = static_cast<std::time_t>(unix_us / 1'000'000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[40];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + size, sizeof text - size, ".%06lldZ", unix_us % 1'000'000);
  return text;
}

}  // namespace

std::string log_line(LogFormat format, std::string_view level, std::string_view message,
                     long long unix_us) {
  std::string line;
  if (format == LogFormat::json) {
    line.append("{\"time\":\"").append(utc_time(unix_us)).append("\",\"level\":\"");
    line.append(level).append("\",\"message\":");
    append_json_string(line, message);
    return line.append("}\n");
  }
  line.append(utc_time(unix_us)).append(" ").append(level).append(" ");
  for (const char c : message) line += c == '\n' || c == '\r' ? ' ' : c;  // one event, one line
  return line.append("\n");
}

bool LogLines::wanted(Severity severity) const {
  if (severity == Severity::error) return error_.load(std::memory_order_relaxed);
  return (severity == Severity::warning ? warning_ : info_).load(std::memory_order_relaxed);
}

void LogLines::log(Severity severity, std::string_view message) {
  if (wanted(severity)) write(severity_name(severity), message);
}

void LogLines::verbose(std::string_view message) {
  if (is_verbose()) write("verbose", message);
}

LogSettings LogLines::settings() const {
  return {info_.load(), warning_.load(), error_.load(), verbose_level_.load(), iso8601_.load()};
}

void LogLines::update(const LogUpdate& update) {
  if (update.info) info_ = *update.info;
  if (update.warning) warning_ = *update.warning;
  if (update.error) error_ = *update.error;
  if (update.verbose_level) verbose_level_ = *update.verbose_level;
  if (update.iso8601) iso8601_ = *update.iso8601;
}

void LogLines::write(std::string_view level, std::string_view message) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::string line =
      log_line(iso8601_.load(std::memory_order_relaxed) ? LogFormat::text : format_, level, message,
               std::chrono::duration_cast<std::chrono::microseconds>(now).count());
  const std::lock_guard lock(mutex_);
  [[maybe_unused]] const ssize_t written = ::write(fd_, line.data(), line.size());
}

}  // namespace mlops
