#pragma once
// What is remembered of a request that is traced, until its reply is out. Belongs to its call.

#include <optional>
#include <string_view>

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
};

// The record of a request that has just been answered; its send_end is yet to come. `protocol` is a
// literal.
TraceRecord record_of(const CallTrace& trace, const Pending& call, const Response& response,
                      std::string_view protocol);
// The reply is on its way.
void write_record(TraceSink* sink, TraceRecord&& record);

}  // namespace mlops
