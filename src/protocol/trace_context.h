#pragma once
// W3C Trace Context: which trace of a caller's a request belongs to. Pure; for headers of
// strangers.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mlops {

using TraceId = std::array<std::uint8_t, 16>;
using SpanId = std::array<std::uint8_t, 8>;

struct TraceContext {
  TraceId trace{};
  SpanId parent{};
  bool sampled = false;
  std::string state;  // tracestate, passed on as it came

  bool operator==(const TraceContext&) const = default;
};

// Longer ones are dropped, which the standard allows from here on.
inline constexpr std::size_t kTraceStateBytesMax = 512;

// Nothing when `traceparent` is not one; a `tracestate` that is not one is dropped alone. A version
// that is not known is read as far as it is.
std::optional<TraceContext> parse_trace_context(std::string_view traceparent,
                                                std::string_view tracestate);

// The 32 digits of a valid traceparent's trace, for log lines; else nothing.
std::string_view trace_id_text(std::string_view traceparent);

}  // namespace mlops
