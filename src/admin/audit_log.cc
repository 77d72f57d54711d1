#include "admin/audit_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <numeric>

#include "admin/log_lines.h"
#include "protocol/json_text.h"

namespace mlops {
namespace {

constexpr std::size_t kFieldBytesMax = 512;
constexpr std::size_t kBytesMax = std::size_t{1} << 20;  // of records to be written
constexpr auto kReopenPatience = std::chrono::milliseconds(500);

long long unix_now_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

void add(std::string& line, std::string_view key, std::string_view value) {
  if (value.empty()) return;
  line.append(",\"").append(key).append("\":");
  append_json_string(line, value.substr(0, kFieldBytesMax));
}

std::string lost_records(const LostLines& lost) {
  const std::uint64_t count = std::accumulate(lost.begin(), lost.end(), std::uint64_t{0});
  return "{\"time\":\"" + utc_time(unix_now_us()) + "\",\"records_lost\":" + std::to_string(count) +
         "}\n";
}

}  // namespace

std::string audit_line(const AuditRecord& record, std::uint64_t untold, long long unix_us) {
  std::string line = "{\"time\":\"" + utc_time(unix_us) + "\"";
  add(line, "call", rule_of(record.call).name);
  add(line, "door", record.door);
  add(line, "who", record.who);
  add(line, "certificate", record.peer_name);
  add(line, "address", record.address);
  add(line, "target", record.target);
  add(line, "result", record.result);
  if (untold > 0) line += ",\"refused_unlogged\":" + std::to_string(untold);
  return line + "}\n";
}

Result<std::unique_ptr<AuditLog>> AuditLog::open(const std::string& path, LogSink& log) {
  std::unique_ptr<AuditLog> made(new AuditLog(path, log));
  if (Status status = made->reopen(); !status.ok()) return status;
  return made;
}

AuditLog::AuditLog(std::string path, LogSink& log)
    : path_(std::move(path)),
      writer_(STDERR_FILENO, kBytesMax,
              {.lost = lost_records, .changed = [this, &log](const std::string& why) {
                 if (!why.empty()) {
                   log.log(Severity::error, "audit records are lost: " + path_ + ": " + why);
                 } else {
                   log.log(Severity::info, "audit records are written again: " + path_);
                 }
               }}) {}

Status AuditLog::reopen() {
  if (path_ == "stderr") return {};
  // Non-blocking for pipes, which would otherwise wait here for a reader.
  constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK;
  Fd file(::open(path_.c_str(), kFlags, 0600));
  if (!file) {
    return Status::unavailable("audit log '" + path_ + "': " + std::strerror(errno));
  }
  (void)writer_.flush(kReopenPatience);  // what happened before belongs into the file of before
  writer_.use(std::move(file));
  return {};
}

void AuditLog::record(const AuditRecord& record) noexcept {
  const std::lock_guard lock(mutex_);
  write_locked(record);
}

void AuditLog::record_refused(const AuditRecord& record, TimePoint now) noexcept {
  const bool told = refusals_.take(now) == Duration::zero();
  const std::lock_guard lock(mutex_);
  if (told) return write_locked(record);
  ++untold_;
}

void AuditLog::write_locked(const AuditRecord& record) {
  writer_.add(LineLevel::error, audit_line(record, untold_, unix_now_us()));
  untold_ = 0;
}

}  // namespace mlops
