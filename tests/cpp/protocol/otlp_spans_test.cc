#include "protocol/otlp_spans.h"

#include <gtest/gtest.h>

#include "protocol/otlp.pb.h"

namespace mlops {
namespace {

TimePoint at(std::int64_t ns) { return TimePoint(std::chrono::nanoseconds(ns)); }

TraceRecord record() {
  TraceRecord record{"m",    2,      "r",   at(10), at(20), {{at(30), at(40), at(50), at(60)}, {}},
                     at(70), "HTTP", at(5), at(70), at(80), {},
                     {},     true,   {}};
  return record;
}

std::vector<otlp::Span> spans_of(const TraceRecord& record) {
  std::uint64_t counter = 0;
  const std::vector<TraceRecord> records = {record};
  std::uint64_t next_id = 7;
  const std::string body = encode_otlp_spans(records, {{{"service.name", "s"}}}, {1000}, next_id,
                                             [&counter] { return counter++; });
  EXPECT_EQ(next_id, 8 + record.computed.members.size());
  otlp::ExportTraceServiceRequest request;
  EXPECT_TRUE(request.ParseFromString(body));
  // Nothing that the standard does not have, or has in another form: generated code writes the
  // same.
  EXPECT_EQ(request.SerializeAsString().size(), body.size());
  EXPECT_EQ(request.resource_spans(0).resource().attributes(0).value().string_value(), "s");
  const auto& spans = request.resource_spans(0).scope_spans(0).spans();
  return {spans.begin(), spans.end()};
}

std::string events_of(const otlp::Span& span) {
  std::string text;
  for (const auto& event : span.events()) {
    text += event.name() + "@" + std::to_string(event.time_unix_nano()) + " ";
  }
  return text;
}

std::int64_t number_of(const otlp::Span& span, const std::string& key) {
  for (const auto& attribute : span.attributes()) {
    if (attribute.key() == key) return attribute.value().int_value();
  }
  return -1;
}

TEST(OtlpSpans, NestAsTritonsDo) {
  const std::vector<otlp::Span> spans = spans_of(record());
  ASSERT_EQ(spans.size(), kSpansPerRecord);
  EXPECT_EQ(spans[0].name(), "InferRequest");
  EXPECT_EQ(spans[0].parent_span_id(), "");
  EXPECT_EQ(spans[0].kind(), otlp::Span::SPAN_KIND_SERVER);
  EXPECT_EQ(spans[1].name(), "m");
  EXPECT_EQ(spans[1].parent_span_id(), spans[0].span_id());
  EXPECT_EQ(spans[1].attributes(0).value().string_value(), "m");
  EXPECT_EQ(number_of(spans[1], "triton.model_version"), 2);
  EXPECT_EQ(spans[1].attributes(4).key(), "triton.request_id");
  EXPECT_EQ(spans[1].attributes(4).value().string_value(), "r");
  EXPECT_EQ(spans[2].name(), "compute");
  EXPECT_EQ(spans[2].parent_span_id(), spans[1].span_id());
  for (const otlp::Span& span : spans) {
    EXPECT_EQ(span.trace_id(), spans[0].trace_id());
    EXPECT_EQ(span.trace_id().size(), 16U);
    EXPECT_EQ(span.span_id().size(), 8U);
    EXPECT_NE(span.span_id(), std::string(8, '\0'));  // although the first random bits are zeros
  }
  EXPECT_EQ(spans[0].start_time_unix_nano(), 1005U);
  EXPECT_EQ(spans[0].end_time_unix_nano(), 1080U);
  EXPECT_EQ(events_of(spans[0]),
            "HTTP_RECV_START@1005 HTTP_RECV_END@1010 INFER_RESPONSE_COMPLETE@1070 "
            "HTTP_SEND_START@1070 HTTP_SEND_END@1080 ");
  EXPECT_EQ(events_of(spans[1]), "REQUEST_START@1010 QUEUE_START@1020 REQUEST_END@1070 ");
  EXPECT_EQ(events_of(spans[2]),
            "COMPUTE_START@1030 COMPUTE_INPUT_END@1040 COMPUTE_OUTPUT_START@1050 "
            "COMPUTE_END@1060 ");
}

TEST(OtlpSpans, MembersOfAnEnsembleAreBelowIt) {
  TraceRecord of = record();
  static_cast<ComputeTimes&>(of.computed) = {};
  of.computed.members = {
      {"inner", 1, at(21), at(50), {}, std::nullopt},
      {"a", 3, at(22), at(40), {at(23), at(24), at(25), at(26)}, 0},
      {"b", 4, at(51), at(60), {at(52), at(53), at(54), at(55)}, std::nullopt},
  };
  const std::vector<otlp::Span> spans = spans_of(of);
  const std::vector<std::string> names = {"InferRequest", "m", "inner",  "a",
                                          "compute",      "b", "compute"};
  const std::vector<int> parents = {-1, 0, 1, 2, 3, 1, 5};
  ASSERT_EQ(spans.size(), names.size());
  EXPECT_LE(spans.size(), span_count(of));
  for (std::size_t i = 0; i < spans.size(); ++i) {
    EXPECT_EQ(spans[i].name(), names[i]);
    EXPECT_EQ(spans[i].trace_id(), spans[0].trace_id());
    const int parent = parents[i];
    EXPECT_EQ(spans[i].parent_span_id(),
              parent < 0 ? "" : spans[static_cast<std::size_t>(parent)].span_id());
  }
  EXPECT_EQ(number_of(spans[1], "triton.trace_id"), 7);
  EXPECT_EQ(number_of(spans[3], "triton.trace_id"), 9);
  EXPECT_EQ(number_of(spans[3], "triton.trace_parent_id"), 8);
  EXPECT_EQ(number_of(spans[5], "triton.trace_parent_id"), 7);
  EXPECT_EQ(events_of(spans[5]), "REQUEST_START@1051 QUEUE_START@1051 REQUEST_END@1060 ");
}

TEST(OtlpSpans, ContinueTheCallersTrace) {
  TraceRecord traced = record();
  traced.protocol = "GRPC";
  traced.parent =
      parse_trace_context("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "a=b");
  const std::vector<otlp::Span> spans = spans_of(traced);
  EXPECT_EQ(spans[0].parent_span_id(), "\xb7\xad\x6b\x71\x69\x20\x33\x31");
  EXPECT_EQ(spans[0].flags(), 0x301U);
  EXPECT_EQ(spans[1].flags(), 0x101U);
  EXPECT_EQ(spans[2].trace_id().substr(0, 2), "\x0a\xf7");
  EXPECT_EQ(spans[2].trace_state(), "a=b");
  EXPECT_EQ(events_of(spans[0]).substr(0, 20), "GRPC_WAITREAD_START@");
}

TEST(OtlpSpans, AFailureHasItsMessageAndNoComputeSpan) {
  TraceRecord failed = record();
  failed.status = Status::unavailable("busy");
  failed.computed = {};
  const std::vector<otlp::Span> spans = spans_of(failed);
  ASSERT_EQ(spans.size(), 2U);
  EXPECT_EQ(spans[0].status().code(), otlp::Status::STATUS_CODE_ERROR);
  EXPECT_EQ(spans[1].status().message(), "busy");
  EXPECT_EQ(events_of(spans[0]).find("INFER_RESPONSE_COMPLETE"), std::string::npos);
}

TEST(OtlpSpans, WhatACollectorRejectsIsReadAndRubbishIsNot) {
  otlp::ExportTraceServiceResponse answer;
  answer.mutable_partial_success()->set_rejected_spans(3);
  answer.mutable_partial_success()->set_error_message("why");
  const OtlpRejection rejection = decode_otlp_answer(answer.SerializeAsString());
  EXPECT_EQ(rejection.spans, 3U);
  EXPECT_EQ(rejection.why, "why");
  EXPECT_EQ(decode_otlp_answer("").spans, 0U);
  EXPECT_EQ(decode_otlp_answer("\xff\xff").spans, 0U);
}

}  // namespace
}  // namespace mlops
