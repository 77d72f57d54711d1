#include "admin/log_lines.h"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>

#include "protocol/json_text.h"

namespace mlops {
namespace {

constexpr std::array<std::string_view, kLineLevels> kLevelNames = {"verbose", "info", "warning",
                                                                   "error"};

LineLevel level_of(Severity severity) {
  if (severity == Severity::error) return LineLevel::error;
  return severity == Severity::warning ? LineLevel::warning : LineLevel::info;
}

std::string lost_text(const LostLines& lost) {
  std::string text = "lines are missing here, for they were not read or could not be written:";
  for (std::size_t i = 0; i < lost.size(); ++i) {
    if (lost[i] == 0) continue;
    text += (text.ends_with(':') ? " " : ", ") + std::to_string(lost[i]) + " ";
    text += kLevelNames[i];
  }
  return text;
}

// One event, one line, and nothing that a terminal would obey: names in it may be a client's.
void append_on_one_line(std::string& line, std::string_view text) {
  for (const char c : text) line += static_cast<unsigned char>(c) < ' ' || c == 127 ? ' ' : c;
}

constexpr auto kFilePatience = std::chrono::milliseconds(500);

long long now_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

}  // namespace

std::string utc_time(long long unix_us) {
  const auto seconds = static_cast<std::time_t>(unix_us / 1'000'000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[40];
  const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + size, sizeof text - size, ".%06lldZ", unix_us % 1'000'000);
  return text;
}

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
  append_on_one_line(line, message);
  return line.append("\n");
}

std::string log_line(LogFormat format, const RequestLine& request, long long unix_us) {
  const std::array<std::pair<std::string_view, std::string_view>, 6> fields = {{
      {"protocol", request.protocol},
      {"route", request.route},
      {"status", request.status},
      {"model", request.model},
      {"request_id", request.request_id},
      {"trace_id", request.trace_id},
  }};
  const auto took =
      std::chrono::duration_cast<std::chrono::microseconds>(request.ended - request.began);
  const std::string message =
      std::string(request.protocol) + " " + std::string(request.route) + " " + request.status;
  std::string line = log_line(format, "verbose", message, unix_us);
  line.resize(line.size() - (format == LogFormat::json ? 2 : 1));
  for (const auto& [name, value] : fields) {
    if (value.empty()) continue;
    if (format == LogFormat::json) {
      line.append(",\"").append(name).append("\":");
      append_json_string(line, value);
    } else {
      line.append(" ").append(name).append("=");
      append_on_one_line(line, value);
    }
  }
  const std::string us = std::to_string(took.count());
  return format == LogFormat::json ? line + ",\"duration_us\":" + us + "}\n"
                                   : line + " duration_us=" + us + "\n";
}

LogLines::LogLines(LogFormat format, int fd, std::size_t bytes_max)
    : format_(format),
      writer_(fd, bytes_max, {[this](const LostLines& lost) {
                return log_line(this->format(), "warning", lost_text(lost), now_us());
              }}) {}

Status LogLines::open(const std::string& file) {
  Fd opened;
  if (!file.empty()) {
    // Non-blocking for pipes, which would otherwise wait here for a reader.
    opened = Fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0640));
    if (!opened) {
      return Status::unavailable("the log file " + file +
                                 " cannot be opened: " + std::strerror(errno));
    }
  }
  (void)writer_.flush(kFilePatience);  // what was said before belongs where it was said
  const std::lock_guard lock(mutex_);
  writer_.use(std::move(opened));
  path_ = file;
  return {};
}

bool LogLines::wanted(Severity severity) const {
  if (severity == Severity::error) return error_.load(std::memory_order_relaxed);
  return (severity == Severity::warning ? warning_ : info_).load(std::memory_order_relaxed);
}

void LogLines::log(Severity severity, std::string_view message) {
  if (!wanted(severity)) return;
  const LineLevel level = level_of(severity);
  writer_.add(level,
              log_line(format(), kLevelNames[static_cast<std::size_t>(level)], message, now_us()));
}

void LogLines::request(const RequestLine& line) {
  if (is_verbose()) writer_.add(LineLevel::verbose, log_line(format(), line, now_us()));
}

LogSettings LogLines::settings() const {
  const std::lock_guard lock(mutex_);
  return {info_.load(),          warning_.load(), error_.load(),
          verbose_level_.load(), iso8601_.load(), path_};
}

LogFormat LogLines::format() const {
  return iso8601_.load(std::memory_order_relaxed) ? LogFormat::text : format_;
}

void LogLines::update(const LogUpdate& update) {
  if (update.info) info_ = *update.info;
  if (update.warning) warning_ = *update.warning;
  if (update.error) error_ = *update.error;
  if (update.verbose_level) verbose_level_ = *update.verbose_level;
  if (update.iso8601) iso8601_ = *update.iso8601;
}

}  // namespace mlops
