#pragma once
// What is remembered of a request that is traced, until its reply is out. Belongs to its call.

#include <optional>
#include <string_view>
#include <vector>

#include "protocol/trace_record.h"
#include "protocol/trace_settings.h"
#include "request/pending.h"

namespace mlops {

struct CallTrace {
  CallTrace(TimePoint from, TimePoint at, TraceDecision&& decision)
      : received(from), started(at), level(decision.level), parent(std::move(decision.parent)) {}

  TimePoint received;  // the request's first byte
  TimePoint started;   // the request is whole
  TraceLevel level;
  std::optional<TraceContext> parent;
  RequestTimeline computed;  // the engine writes here
  // Outputs of the responses that came before the last, of decoupled models, as far as the level
  // asks for them: the first kTracedPartTensorsMax, while they are no more than
  // kTracedPartBytesMax.
  std::vector<TracedTensor> part_outputs;
  std::size_t part_bytes = 0;

  void add_part(const Response& part);
};

inline constexpr std::size_t kTracedPartTensorsMax = 1024;
inline constexpr std::size_t kTracedPartBytesMax = std::size_t{1} << 20;

// The record of a request that has just been answered; its send_end is yet to come. `protocol` is a
// literal. Takes what the trace holds of earlier parts.
TraceRecord record_of(CallTrace& trace, const Pending& call, const Response& response,
                      std::string_view protocol);
// The reply is on its way.
void write_record(TraceSink* sink, TraceRecord&& record);

}  // namespace mlops
