#pragma once
// One traced request, and its JSON as Triton's trace files have it. Thread-safety: pure functions.

#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "request/pending.h"

namespace mlops {

struct TraceRecord {
  std::string model;
  std::int64_t version = 0;
  std::string request_id;
  TimePoint request_start{};
  TimePoint queue_start{};
  RequestTimeline computed;
  TimePoint request_end{};
};

// Takes finished records. Any thread; may block as long as a short write to a file does.
class TraceSink {
 public:
  virtual ~TraceSink() = default;
  virtual void write(const TraceRecord& record) noexcept = 0;
};

// Two objects, of the request and of its timestamps, without brackets around them. Steps that did
// not happen are left out.
std::string trace_json(std::uint64_t id, const TraceRecord& record);

}  // namespace mlops
