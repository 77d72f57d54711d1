#pragma once
// The audit log: one JSON object a line, appended to a file of its own or to standard error.
// Thread-safe; nobody waits for the file. A line that cannot be written is said so in the log and
// counted in the next one that can, and the call is made all the same.

#include <memory>
#include <mutex>
#include <string>

#include "access/audit.h"
#include "access/rate_bucket.h"
#include "admin/line_writer.h"
#include "base/log.h"
#include "base/status.h"

namespace mlops {

class AuditLog final : public AuditSink {
 public:
  // `path` is made when it is not there, for its owner alone; "stderr" is standard error. `log`
  // must outlive it.
  static Result<std::unique_ptr<AuditLog>> open(const std::string& path, LogSink& log);

  // Begins the file anew where it was moved away by log rotation; when it cannot, goes on with the
  // old one.
  Status reopen();

  void record(const AuditRecord& record) noexcept override;
  void record_refused(const AuditRecord& record, TimePoint now) noexcept override;

  // Until all records are written; false: not within `patience`.
  bool flush(std::chrono::milliseconds patience) { return writer_.flush(patience); }

 private:
  AuditLog(std::string path, LogSink& log);
  void write_locked(const AuditRecord& record);

  const std::string path_;
  RateBucket refusals_{{.per_second = 10, .burst = 100}};
  std::mutex mutex_;          // records are in the order of their times
  std::uint64_t untold_ = 0;  // refusals that were only counted, guarded by mutex_
  LineWriter writer_;
};

// `unix_us` is microseconds since the epoch. Pure; ends with a newline.
std::string audit_line(const AuditRecord& record, std::uint64_t untold, long long unix_us);

}  // namespace mlops
