#pragma once
// One traced request, and its JSON as Triton's trace files have it. Thread-safety: pure functions.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "protocol/trace_context.h"
#include "protocol/traced_tensor.h"
#include "request/pending.h"

namespace mlops {

struct TraceRecord {
  std::string model;
  std::int64_t version = 0;
  std::string request_id;
  TimePoint request_start{};
  TimePoint queue_start{};
  RequestTimeline computed;
  TimePoint request_end{};  // the engine has answered

  // What only OpenTelemetry is told.
  std::string_view protocol;  // "HTTP" or "GRPC"; a literal
  TimePoint receive_start{};  // the request's first byte
  TimePoint send_start{};     // the reply is being encoded
  TimePoint send_end{};       // and is handed to the connection
  Status status;
  std::optional<TraceContext> parent;  // the caller's

  // What only Triton's files are told.
  bool timestamps = true;
  std::vector<TracedTensor> tensors;
};

// Takes finished records. Any thread; may block as long as a short write to a file does.
class TraceSink {
 public:
  virtual ~TraceSink() = default;
  virtual void write(TraceRecord&& record) noexcept = 0;
};

// Objects without brackets around them: of the request, of its timestamps, the same two for each
// member of an ensemble, and one for each tensor. Steps that did not happen are left out. Takes as
// many ids as there are models.
std::string trace_json(std::uint64_t& next_id, const TraceRecord& record);

}  // namespace mlops
