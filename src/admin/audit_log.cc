#include "admin/audit_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "admin/log_lines.h"
#include "protocol/json_text.h"

namespace mlops {
namespace {

constexpr std::size_t kFieldBytesMax = 512;

void add(std::string& line, std::string_view key, std::string_view value) {
  if (value.empty()) return;
  line.append(",\"").append(key).append("\":");
  append_json_string(line, value.substr(0, kFieldBytesMax));
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

Status AuditLog::reopen() {
  Fd file(path_ == "stderr"
              ? ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)
              : ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!file) {
    return Status::unavailable("audit log '" + path_ + "': " + std::strerror(errno));
  }
  const std::lock_guard lock(mutex_);
  file_ = std::move(file);
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
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::string line = audit_line(
      record, untold_, std::chrono::duration_cast<std::chrono::microseconds>(now).count());
  const ssize_t written = ::write(file_.get(), line.data(), line.size());
  if (written == static_cast<ssize_t>(line.size())) {
    untold_ = 0;
    failed_ = false;
  } else if (!failed_) {
    failed_ = true;
    log_.log(Severity::error, "audit records are lost: " + path_ + ": " + std::strerror(errno));
  }
}

}  // namespace mlops
