#pragma once
// Traces as Triton writes them: a JSON array, in one file, or in FILE.0, FILE.1, ... of so many
// traces each. A file is valid JSON after every trace. Any thread; writes into the page cache.

#include <cstdint>
#include <mutex>
#include <string>

#include "base/log.h"
#include "net/fd.h"
#include "protocol/trace_record.h"
#include "protocol/trace_settings.h"

namespace mlops {

class TraceFile final : public TraceSink {
 public:
  // Both must outlive it. Files that are there are written over, when the first trace comes.
  TraceFile(const TraceControl& settings, LogSink& log) : settings_(settings), log_(log) {}
  void write(TraceRecord&& record) noexcept override;

 private:
  void open_locked(std::uint32_t traces_per_file);

  const TraceControl& settings_;
  LogSink& log_;
  std::mutex mutex_;
  // All guarded by mutex_.
  Fd file_;
  std::uint64_t next_id_ = 1;
  std::uint64_t next_index_ = 0;
  std::uint64_t traces_ = 0;  // in the file
  std::uint64_t size_ = 0;    // of the file, without its last bracket
  bool failed_ = false;       // said so already
};

}  // namespace mlops
