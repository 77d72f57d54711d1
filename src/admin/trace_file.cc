#include "admin/trace_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace mlops {

void TraceFile::open_locked(std::uint32_t traces_per_file) {
  const std::string index = traces_per_file > 0 ? "." + std::to_string(next_index_++) : "";
  const std::string path = settings_.file() + index;
  // Non-blocking for pipes, which would otherwise wait here for a reader.
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK;
  file_ = Fd(::open(path.c_str(), kFlags, 0644));
  traces_ = size_ = 0;
}

void TraceFile::write(TraceRecord&& record) noexcept {
  const std::uint32_t traces_per_file = settings_.settings(record.model).log_frequency;
  const std::lock_guard lock(mutex_);
  if (!file_ || (traces_per_file > 0 && traces_ >= traces_per_file)) open_locked(traces_per_file);
  std::uint64_t next_id = next_id_;
  const std::string text = (traces_ == 0 ? "[" : ",") + trace_json(next_id, record);
  const std::string bytes = text + "]\n";
  const ssize_t written =
      file_ ? ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(size_)) : -1;
  if (written == static_cast<ssize_t>(bytes.size())) {
    next_id_ = next_id;
    ++traces_;
    size_ += text.size();
    failed_ = false;
  } else if (!failed_) {
    failed_ = true;
    log_.log(Severity::warning,
             "traces are lost: " + settings_.file() + ": " + std::string(std::strerror(errno)));
  }
}

}  // namespace mlops
