#include "protocol/otlp_spans.h"

#include <algorithm>
#include <array>

#include "base/version.h"
#include "protocol/otlp.pb.h"
#include "protocol/wire_writer.h"

namespace mlops {
namespace {

// Of the messages of otlp.proto. Written by hand: generated code makes an object of every event and
// every name, some sixty for each request.
namespace resource_spans {
constexpr std::uint32_t kResource = 1, kScopeSpans = 2;
}
namespace scope_spans {
constexpr std::uint32_t kScope = 1, kSpans = 2;
}
namespace span_field {
constexpr std::uint32_t kTraceId = 1, kSpanId = 2, kTraceState = 3, kParent = 4, kName = 5,
                        kKind = 6, kStart = 7, kEnd = 8, kAttributes = 9, kEvents = 11,
                        kStatus = 15, kFlags = 16;
}
constexpr std::uint32_t kStringValue = 1, kIntValue = 3;  // of AnyValue
constexpr std::uint64_t kInternal = 1, kServer = 2;       // kinds of spans
constexpr std::uint64_t kStatusError = 2;

// Trace flags' low bit, and that it is known whether the parent is on another machine, and is.
constexpr std::uint32_t kSampled = 0x1;
constexpr std::uint32_t kRemoteKnown = 0x100;
constexpr std::uint32_t kRemote = 0x200;

void append_fixed64(std::string& out, std::uint32_t field, std::uint64_t value) {
  std::array<char, 9> bytes;  // of a field below 16
  bytes[0] = static_cast<char>(wire_tag(field, Wire::fixed64));
  for (std::size_t i = 1; i < bytes.size(); ++i, value >>= 8) bytes[i] = static_cast<char>(value);
  out.append(bytes.data(), bytes.size());
}

void append_number(std::string& out, std::uint32_t field, std::uint64_t value) {
  append_tag(out, field, Wire::varint);
  append_varint(out, value);
}

// A KeyValue as the field of what is around it. `value` is AnyValue's only field, whole.
void append_key_value(std::string& out, std::uint32_t field, std::string_view key,
                      std::string_view value) {
  append_tag(out, field, Wire::bytes);
  append_varint(out, text_field_size(key) + 1 + varint_size(value.size()) + value.size());
  append_text_field(out, 1, key);
  append_bytes_field(out, 2, value);
}

void append_text_value(std::string& out, std::uint32_t field, std::string_view key,
                       std::string_view text) {
  std::string value;
  append_bytes_field(value, kStringValue, text);
  append_key_value(out, field, key, value);
}

template <std::size_t N>
std::string_view view_of(const std::array<std::uint8_t, N>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), N};
}

class RecordSpans {
 public:
  RecordSpans(const TraceRecord& record, const OtlpClock& clock,
              const std::function<std::uint64_t()>& random, std::string& out)
      : record_(record), clock_(clock), random_(random), out_(out) {
    if (record.parent) {
      trace_ = record.parent->trace;
    } else {
      put_bits(trace_.data());
      put_bits(trace_.data() + 8);
    }
  }

  void add(std::uint64_t& next_id) {
    const TraceRecord& r = record_;
    const bool grpc = r.protocol == "GRPC";
    const SpanId root =
        begin("InferRequest", kServer, r.parent ? view_of(r.parent->parent) : std::string_view(),
              r.receive_start, r.send_end, r.parent ? kRemote : 0);
    event(grpc ? "GRPC_WAITREAD_START" : "HTTP_RECV_START", r.receive_start);
    event(grpc ? "GRPC_WAITREAD_END" : "HTTP_RECV_END", r.request_start);
    if (r.status.ok()) event("INFER_RESPONSE_COMPLETE", r.request_end);
    event(grpc ? "GRPC_SEND_START" : "HTTP_SEND_START", r.send_start);
    event(grpc ? "GRPC_SEND_END" : "HTTP_SEND_END", r.send_end);
    mark_failure();
    end();

    const std::uint64_t number = next_id++;
    const SpanId model = add_model(r.model, r.version, r.queue_start, r.request_end, r.computed,
                                   r.request_start, root, {number, 0});
    std::vector<SpanId> members;
    for (const MemberTimes& member : r.computed.members) {
      const SpanId& parent = member.within ? members[*member.within] : model;
      const std::uint64_t above = member.within ? number + 1 + *member.within : number;
      members.push_back(add_model(member.model, member.version, member.submitted, member.ended,
                                  member.computed, member.submitted, parent, {next_id++, above}));
    }
  }

 private:
  struct Numbers {
    std::uint64_t own;
    std::uint64_t parent;
  };

  // Its id.
  SpanId add_model(const std::string& name, std::int64_t version, TimePoint queued, TimePoint ended,
                   const ComputeTimes& computed, TimePoint start, const SpanId& parent,
                   const Numbers& numbers) {
    const SpanId id = begin(name, kInternal, view_of(parent), start, ended);
    event("REQUEST_START", start);
    event("QUEUE_START", queued);
    event("REQUEST_END", ended);
    append_text_value(span_, span_field::kAttributes, "triton.model_name", name);
    number("triton.model_version", static_cast<std::uint64_t>(version));
    number("triton.trace_id", numbers.own);
    number("triton.trace_parent_id", numbers.parent);
    if (!record_.request_id.empty()) {
      append_text_value(span_, span_field::kAttributes, "triton.request_id", record_.request_id);
    }
    mark_failure();
    end();
    if (computed.start == TimePoint{}) return id;
    begin("compute", kInternal, view_of(id), computed.start, computed.end);
    event("COMPUTE_START", computed.start);
    event("COMPUTE_INPUT_END", computed.input_end);
    event("COMPUTE_OUTPUT_START", computed.output_start);
    event("COMPUTE_END", computed.end);
    end();
    return id;
  }

  // Eight bytes. Ids of nothing but zeros are invalid.
  void put_bits(std::uint8_t* to) {
    const std::uint64_t value = std::max<std::uint64_t>(random_(), 1);
    for (int shift = 56; shift >= 0; shift -= 8) *to++ = static_cast<std::uint8_t>(value >> shift);
  }

  std::uint64_t unix_ns(TimePoint at) const {
    const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch());
    return static_cast<std::uint64_t>(since.count() + clock_.unix_offset_ns);
  }

  SpanId begin(std::string_view name, std::uint64_t kind, std::string_view parent, TimePoint start,
               TimePoint end, std::uint32_t more_flags = 0) {
    SpanId id{};
    put_bits(id.data());
    span_.clear();
    append_bytes_field(span_, span_field::kTraceId, view_of(trace_));
    append_bytes_field(span_, span_field::kSpanId, view_of(id));
    if (record_.parent) append_text_field(span_, span_field::kTraceState, record_.parent->state);
    append_text_field(span_, span_field::kParent, parent);
    append_text_field(span_, span_field::kName, name);
    append_number(span_, span_field::kKind, kind);
    append_fixed64(span_, span_field::kStart, unix_ns(start));
    append_fixed64(span_, span_field::kEnd, unix_ns(std::max(start, end)));
    append_tag(span_, span_field::kFlags, Wire::fixed32);
    const std::uint32_t flags = kSampled | kRemoteKnown | more_flags;
    for (int shift = 0; shift < 32; shift += 8) span_.push_back(static_cast<char>(flags >> shift));
    return id;
  }

  void end() { append_bytes_field(out_, scope_spans::kSpans, span_); }

  void event(std::string_view name, TimePoint at) {
    if (at == TimePoint{}) return;
    append_tag(span_, span_field::kEvents, Wire::bytes);
    append_varint(span_, 9 + text_field_size(name));
    append_fixed64(span_, 1, unix_ns(at));
    append_text_field(span_, 2, name);
  }

  void number(std::string_view key, std::uint64_t value) {
    value_.clear();
    append_number(value_, kIntValue, value);
    append_key_value(span_, span_field::kAttributes, key, value_);
  }

  void mark_failure() {
    if (record_.status.ok()) return;
    value_.clear();
    append_text_field(value_, 2, record_.status.message());
    append_number(value_, 3, kStatusError);
    append_bytes_field(span_, span_field::kStatus, value_);
  }

  const TraceRecord& record_;
  const OtlpClock& clock_;
  const std::function<std::uint64_t()>& random_;
  std::string& out_;  // ScopeSpans' fields
  TraceId trace_{};
  std::string span_;   // the one that was begun
  std::string value_;  // of one of its fields
};

}  // namespace

std::size_t span_count(const TraceRecord& record) {
  return kSpansPerRecord + 2 * record.computed.members.size();
}

std::string encode_otlp_spans(std::span<const TraceRecord> records, const OtlpResource& resource,
                              const OtlpClock& clock, std::uint64_t& next_id,
                              const std::function<std::uint64_t()>& random) {
  std::string attributes;
  for (const auto& [key, value] : resource.attributes) append_text_value(attributes, 1, key, value);
  std::string scope;
  append_text_field(scope, 1, "mlops-server");
  append_text_field(scope, 2, kVersion);
  std::string spans;
  append_bytes_field(spans, scope_spans::kScope, scope);
  for (const TraceRecord& record : records) {
    RecordSpans(record, clock, random, spans).add(next_id);
  }
  std::string all;
  append_bytes_field(all, resource_spans::kResource, attributes);
  append_bytes_field(all, resource_spans::kScopeSpans, spans);
  std::string request;
  append_bytes_field(request, 1, all);
  return request;
}

OtlpRejection decode_otlp_answer(std::string_view body) {
  otlp::ExportTraceServiceResponse answer;
  if (!answer.ParseFromArray(body.data(), static_cast<int>(body.size()))) return {};
  const auto& part = answer.partial_success();
  return {static_cast<std::uint64_t>(std::max<std::int64_t>(0, part.rejected_spans())),
          part.error_message()};
}

}  // namespace mlops
