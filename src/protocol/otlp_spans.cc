#include "protocol/otlp_spans.h"

#include <algorithm>

#include "base/version.h"
#include "protocol/otlp.pb.h"

namespace mlops {
namespace {

// Trace flags' low bit, and that it is known whether the parent is on another machine, and is.
constexpr std::uint32_t kSampled = 0x1;
constexpr std::uint32_t kRemoteKnown = 0x100;
constexpr std::uint32_t kRemote = 0x200;

class RecordSpans {
 public:
  RecordSpans(const TraceRecord& record, const OtlpClock& clock,
              const std::function<std::uint64_t()>& random, otlp::ScopeSpans& scope)
      : record_(record), clock_(clock), random_(random), scope_(scope) {
    trace_ = record.parent ? text_of(record.parent->trace) : bits() + bits();
  }

  void add(std::uint64_t& next_id) {
    const TraceRecord& r = record_;
    otlp::Span& root =
        span("InferRequest", otlp::Span::SPAN_KIND_SERVER,
             r.parent ? text_of(r.parent->parent) : std::string(), r.receive_start, r.send_end);
    if (r.parent) root.set_flags(kSampled | kRemoteKnown | kRemote);
    const std::string door(r.protocol);
    const char* received = r.protocol == "GRPC" ? "_WAITREAD" : "_RECV";
    event(root, door + received + "_START", r.receive_start);
    event(root, door + received + "_END", r.request_start);
    if (r.status.ok()) event(root, "INFER_RESPONSE_COMPLETE", r.request_end);
    event(root, door + "_SEND_START", r.send_start);
    event(root, door + "_SEND_END", r.send_end);
    mark_failure(root);

    const std::uint64_t number = next_id++;
    const std::string model =
        add_model({r.model, r.version, r.queue_start, r.request_end, r.computed, {}},
                  r.request_start, root.span_id(), {number, 0});
    std::vector<std::string> members;
    for (const MemberTimes& member : r.computed.members) {
      const std::string& parent = member.within ? members[*member.within] : model;
      const std::uint64_t above = member.within ? number + 1 + *member.within : number;
      members.push_back(add_model(member, member.submitted, parent, {next_id++, above}));
    }
  }

 private:
  struct Numbers {
    std::uint64_t own;
    std::uint64_t parent;
  };

  // Its id. A span is not used after the next was made: they lie in a container that grows.
  std::string add_model(const MemberTimes& times, TimePoint start, const std::string& parent,
                        const Numbers& numbers) {
    otlp::Span& model =
        span(times.model, otlp::Span::SPAN_KIND_INTERNAL, parent, start, times.ended);
    event(model, "REQUEST_START", start);
    event(model, "QUEUE_START", times.submitted);
    event(model, "REQUEST_END", times.ended);
    attribute(model, "triton.model_name").set_string_value(times.model);
    attribute(model, "triton.model_version").set_int_value(times.version);
    attribute(model, "triton.trace_id").set_int_value(static_cast<std::int64_t>(numbers.own));
    attribute(model, "triton.trace_parent_id")
        .set_int_value(static_cast<std::int64_t>(numbers.parent));
    if (!record_.request_id.empty()) {
      attribute(model, "triton.request_id").set_string_value(record_.request_id);
    }
    mark_failure(model);
    std::string id = model.span_id();
    const ComputeTimes& computed = times.computed;
    if (computed.start == TimePoint{}) return id;
    otlp::Span& compute =
        span("compute", otlp::Span::SPAN_KIND_INTERNAL, id, computed.start, computed.end);
    event(compute, "COMPUTE_START", computed.start);
    event(compute, "COMPUTE_INPUT_END", computed.input_end);
    event(compute, "COMPUTE_OUTPUT_START", computed.output_start);
    event(compute, "COMPUTE_END", computed.end);
    return id;
  }

  template <std::size_t N>
  static std::string text_of(const std::array<std::uint8_t, N>& bytes) {
    return {bytes.begin(), bytes.end()};
  }

  // Ids of nothing but zeros are invalid.
  std::string bits() {
    const std::uint64_t value = std::max<std::uint64_t>(random_(), 1);
    std::string text;
    for (int shift = 56; shift >= 0; shift -= 8) text.push_back(static_cast<char>(value >> shift));
    return text;
  }

  std::uint64_t unix_ns(TimePoint at) const {
    const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(at.time_since_epoch());
    return static_cast<std::uint64_t>(since.count() + clock_.unix_offset_ns);
  }

  otlp::Span& span(const std::string& name, otlp::Span::SpanKind kind, const std::string& parent,
                   TimePoint start, TimePoint end) {
    otlp::Span& made = *scope_.add_spans();
    made.set_trace_id(trace_);
    made.set_span_id(bits());
    made.set_parent_span_id(parent);
    if (record_.parent) made.set_trace_state(record_.parent->state);
    made.set_name(name);
    made.set_kind(kind);
    made.set_flags(kSampled | kRemoteKnown);
    made.set_start_time_unix_nano(unix_ns(start));
    made.set_end_time_unix_nano(unix_ns(std::max(start, end)));
    return made;
  }

  void event(otlp::Span& span, const std::string& name, TimePoint at) {
    if (at == TimePoint{}) return;
    otlp::Span::Event& made = *span.add_events();
    made.set_name(name);
    made.set_time_unix_nano(unix_ns(at));
  }

  static otlp::AnyValue& attribute(otlp::Span& span, const char* key) {
    otlp::KeyValue& made = *span.add_attributes();
    made.set_key(key);
    return *made.mutable_value();
  }

  void mark_failure(otlp::Span& span) const {
    if (record_.status.ok()) return;
    span.mutable_status()->set_code(otlp::Status::STATUS_CODE_ERROR);
    span.mutable_status()->set_message(record_.status.message());
  }

  const TraceRecord& record_;
  const OtlpClock& clock_;
  const std::function<std::uint64_t()>& random_;
  otlp::ScopeSpans& scope_;
  std::string trace_;
};

}  // namespace

std::size_t span_count(const TraceRecord& record) {
  return kSpansPerRecord + 2 * record.computed.members.size();
}

std::string encode_otlp_spans(std::span<const TraceRecord> records, const OtlpResource& resource,
                              const OtlpClock& clock, std::uint64_t& next_id,
                              const std::function<std::uint64_t()>& random) {
  otlp::ExportTraceServiceRequest request;
  otlp::ResourceSpans& all = *request.add_resource_spans();
  for (const auto& [key, value] : resource.attributes) {
    otlp::KeyValue& made = *all.mutable_resource()->add_attributes();
    made.set_key(key);
    made.mutable_value()->set_string_value(value);
  }
  otlp::ScopeSpans& scope = *all.add_scope_spans();
  scope.mutable_scope()->set_name("mlops-server");
  scope.mutable_scope()->set_version(std::string(kVersion));
  for (const TraceRecord& record : records) {
    RecordSpans(record, clock, random, scope).add(next_id);
  }
  return request.SerializeAsString();
}

OtlpRejection decode_otlp_answer(std::string_view body) {
  otlp::ExportTraceServiceResponse answer;
  if (!answer.ParseFromArray(body.data(), static_cast<int>(body.size()))) return {};
  const auto& part = answer.partial_success();
  return {static_cast<std::uint64_t>(std::max<std::int64_t>(0, part.rejected_spans())),
          part.error_message()};
}

}  // namespace mlops
