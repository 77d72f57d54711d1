#pragma once
// Traced requests as OpenTelemetry spans, named as Triton names them: InferRequest, below it one
// span of the model's name, below that "compute", and where it is an ensemble its members likewise.
// Pure.

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/trace_record.h"

namespace mlops {

inline constexpr std::size_t kSpansPerRecord = 3;  // at least room for so many
// At most, with its members.
std::size_t span_count(const TraceRecord& record);

struct OtlpResource {
  std::vector<std::pair<std::string, std::string>> attributes;  // service.name and others
};

struct OtlpClock {
  // What to add to a steady time for one since the epoch.
  std::int64_t unix_offset_ns = 0;
};

// The body of one export request, protobuf. `random` gives the bits of ids. `next_id` numbers the
// models' spans, as Triton's files do, and is left behind the last.
std::string encode_otlp_spans(std::span<const TraceRecord> records, const OtlpResource& resource,
                              const OtlpClock& clock, std::uint64_t& next_id,
                              const std::function<std::uint64_t()>& random);

// What a collector that accepted a request did not take of it.
struct OtlpRejection {
  std::uint64_t spans = 0;
  std::string why;
};
OtlpRejection decode_otlp_answer(std::string_view body);

}  // namespace mlops
