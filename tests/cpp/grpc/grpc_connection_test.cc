#include "grpc/grpc_connection.h"

#include <gtest/gtest.h>

#include "grpc/grpc_fixture.h"

namespace mlops {
namespace {

using testing::EngineDouble;
using testing::grpc_frame;
using testing::GrpcConnectionTest;
using testing::GrpcReply;
using testing::Http2Client;
using testing::infer_message;
using testing::kInfer;
using testing::SessionHarness;

TEST_F(GrpcConnectionTest, AnswersInfer) {
  const GrpcReply& reply = call(kInfer, infer_message("a"));
  EXPECT_EQ(reply.status(), 0);
  EXPECT_EQ(reply.headers.at(":status"), "200");
  EXPECT_EQ(reply.headers.at("content-type"), "application/grpc");
  inference::ModelInferResponse response;
  ASSERT_TRUE(response.ParseFromString(reply.message()));
  EXPECT_EQ(response.id(), "a");
  EXPECT_EQ(response.raw_output_contents(0), std::string("\0\x07\x0e\x15", 4));
  EXPECT_EQ(counted(GrpcMethod::model_infer, 0), 1U);
  for (std::size_t site = 0; site < kCopySites; ++site) {
    EXPECT_EQ(engine.copies().total(static_cast<CopySite>(site)), 0U);
  }
}

TEST_F(GrpcConnectionTest, AnswersTheSameHoweverTheBytesAreCut) {
  for (const std::size_t piece : {1U, 2U, 3U, 9U, 64U, 1000U}) {
    SessionHarness other(engine);
    other.open(factory);
    Http2Client peer;
    const std::int32_t id = peer.call(kInfer, grpc_frame(infer_message("a", 50)));
    run(peer, other, piece);
    inference::ModelInferResponse response;
    ASSERT_TRUE(response.ParseFromString(peer.replies[id].message()));
    EXPECT_EQ(response.raw_output_contents(0).size(), 200U);
  }
}

TEST_F(GrpcConnectionTest, CarriesLargeMessagesThroughSmallWindows) {
  constexpr std::size_t kFloats = std::size_t{5}
                                  << 20;  // 20 MiB each way, the client's window 64 KiB
  const GrpcReply& reply = call(kInfer, infer_message("big", kFloats));
  ASSERT_EQ(reply.status(), 0);
  inference::ModelInferResponse response;
  ASSERT_TRUE(response.ParseFromString(reply.message()));
  inference::ModelInferRequest request;
  ASSERT_TRUE(request.ParseFromString(infer_message("big", kFloats)));
  EXPECT_EQ(response.raw_output_contents(0), request.raw_input_contents(0));
}

TEST_F(GrpcConnectionTest, ManyStreamsAreOneTurn) {
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 64; ++i) ids.push_back(client.call(kInfer, grpc_frame(infer_message("m"))));
  run();
  for (const std::int32_t id : ids) EXPECT_EQ(client.replies[id].status(), 0);
  const std::vector<std::size_t> turns = engine.turns();
  EXPECT_EQ(*std::max_element(turns.begin(), turns.end()), 64U);
}

TEST_F(GrpcConnectionTest, AnswersColdMethods) {
  inference::ServerReadyResponse ready;
  ASSERT_TRUE(
      ready.ParseFromString(call("/inference.GRPCInferenceService/ServerReady", "").message()));
  EXPECT_TRUE(ready.ready());
  inference::ModelMetadataRequest request;
  request.set_name("echo");
  inference::ModelMetadataResponse metadata;
  ASSERT_TRUE(metadata.ParseFromString(
      call("/inference.GRPCInferenceService/ModelMetadata", request.SerializeAsString())
          .message()));
  EXPECT_EQ(metadata.name(), "echo");
  request.set_name("nope");
  const GrpcReply& missing =
      call("/inference.GRPCInferenceService/ModelMetadata", request.SerializeAsString());
  EXPECT_EQ(missing.status(), 5);
  EXPECT_EQ(call("/grpc.health.v1.Health/Check", "").message(),
            encode_health(ServingStatus::serving));
}

TEST_F(GrpcConnectionTest, NotReadyWhileDraining) {
  state.set_draining();
  inference::ServerReadyResponse ready;
  ASSERT_TRUE(
      ready.ParseFromString(call("/inference.GRPCInferenceService/ServerReady", "").message()));
  EXPECT_FALSE(ready.ready());
  EXPECT_EQ(call("/grpc.health.v1.Health/Check", "").message(),
            encode_health(ServingStatus::not_serving));
}

TEST_F(GrpcConnectionTest, WatchTellsEveryChange) {
  const std::int32_t id = client.call("/grpc.health.v1.Health/Watch", grpc_frame(""));
  run();
  const std::string serving = grpc_frame(encode_health(ServingStatus::serving));
  const std::string not_serving = grpc_frame(encode_health(ServingStatus::not_serving));
  EXPECT_EQ(client.replies[id].data, serving);
  harness.session->tick();
  run();
  EXPECT_EQ(client.replies[id].data, serving);  // nothing new
  engine.is_ready = false;
  harness.session->tick();
  run();
  EXPECT_EQ(client.replies[id].data, serving + not_serving);
  EXPECT_FALSE(client.replies[id].closed);
  client.reset(id);
  run();
  EXPECT_EQ(counted(GrpcMethod::health_watch, 1), 1U);
}

TEST_F(GrpcConnectionTest, ErrorsAreTrailersOnly) {
  const GrpcReply& missing = call(kInfer, infer_message("a", 1, "nope"));
  EXPECT_EQ(missing.status(), 5);
  EXPECT_TRUE(missing.data.empty());
  EXPECT_NE(missing.headers.at("grpc-message").find("nope"), std::string::npos);
  EXPECT_EQ(call(kInfer, "\xff\xff").status(), 3);
  EXPECT_EQ(call("/inference.GRPCInferenceService/Nope", "").status(), 12);
  EXPECT_EQ(call("/no.such.Service/Nope", "").status(), 12);
  EXPECT_EQ(call(kInfer, infer_message("a"), {{"grpc-timeout", "soon"}}).status(), 13);
}

TEST_F(GrpcConnectionTest, CompressedMessagesAreReadAndAnsweredInKind) {
  const std::string message = infer_message(std::string(300, 'i'));
  const auto piece = std::as_bytes(std::span(message));
  for (const char* name : {"gzip", "deflate"}) {
    const std::string small = compress(*coding_named(name), {&piece, 1});
    ASSERT_FALSE(small.empty());
    const std::int32_t id =
        client.call(kInfer, grpc_frame(small, 1),
                    {{"grpc-encoding", name}, {"grpc-accept-encoding", "identity, gzip, deflate"}});
    run();
    EXPECT_EQ(client.replies[id].status(), 0);
    EXPECT_EQ(client.replies[id].headers.at("grpc-encoding"), name);
    EXPECT_EQ(client.replies[id].data[0], 1);
    EXPECT_LT(client.replies[id].data.size(), 200U);
    const std::int32_t plain = client.call(kInfer, grpc_frame(small, 1), {{"grpc-encoding", name}});
    run();
    EXPECT_EQ(client.replies[plain].data[0], 0);  // it did not say that it reads them
    EXPECT_GT(client.replies[plain].data.size(), 300U);
  }
}

TEST_F(GrpcConnectionTest, BrokenCompressionIsRefusedAndSaysWhatIsServed) {
  const auto refused = [this](const std::string& bytes, const char* encoding) {
    const std::int32_t id =
        client.call(kInfer, grpc_frame(bytes, 1), {{"grpc-encoding", encoding}});
    run();
    EXPECT_EQ(client.replies[id].headers.at("grpc-accept-encoding"), "identity,deflate,gzip");
    return client.replies[id].status();
  };
  EXPECT_EQ(refused("not gzip", "gzip"), 3);
  EXPECT_EQ(refused("x", "snappy"), 12);
  EXPECT_EQ(refused("x", "identity"), 13);
}

TEST_F(GrpcConnectionTest, WhatIsNoGrpcGetsAnHttpStatus) {
  EXPECT_EQ(call(kInfer, "", {{"content-type", "application/json"}}).headers.at(":status"), "415");
  EXPECT_EQ(call(kInfer, "", {{"content-type", "application/grpcx"}}).headers.at(":status"), "415");
  EXPECT_EQ(call(kInfer, "", {{":method", "PUT"}}).headers.at(":status"), "405");
  EXPECT_EQ(call(kInfer, infer_message("a"), {{"content-type", "application/grpc+proto"}}).status(),
            0);
}

TEST_F(GrpcConnectionTest, MissingAndBrokenMessagesAreRefused) {
  const std::int32_t nothing = client.call(kInfer, "");
  const std::int32_t part = client.call(kInfer, std::string("\0\0\0\0\x09short", 10));
  const std::int32_t two = client.call(kInfer, grpc_frame("") + grpc_frame(""));
  run();
  for (const std::int32_t id : {nothing, part, two}) EXPECT_EQ(client.replies[id].status(), 13);
}

TEST_F(GrpcConnectionTest, OversizedMessageIsRefusedBeforeItIsSent) {
  const std::string head("\0\x7f\xff\xff\xff", 5);
  const std::int32_t id = client.call(kInfer, head + "abc", {}, false);
  run();
  EXPECT_EQ(client.replies[id].status(), 8);
  EXPECT_TRUE(client.replies[id].closed);  // told to stop sending
  EXPECT_EQ(client.replies[id].error_code, 0U);
  EXPECT_EQ(call(kInfer, infer_message("a")).status(), 0);
}

TEST_F(GrpcConnectionTest, DeadlineReachesTheEngine) {
  engine.answer_at_once = false;
  client.call(kInfer, grpc_frame(infer_message("a")), {{"grpc-timeout", "250m"}});
  client.call(kInfer, grpc_frame(infer_message("b")));
  run();
  const std::vector<PendingRef> waiting = engine.take_waiting();
  ASSERT_EQ(waiting.size(), 2U);
  EXPECT_EQ(waiting[0]->request.deadline, harness.turn.now + std::chrono::milliseconds(250));
  EXPECT_EQ(waiting[1]->request.deadline, kNever);
}

TEST_F(GrpcConnectionTest, ResetCancelsOneCallAndNoOther) {
  engine.answer_at_once = false;
  const std::int32_t dropped = client.call(kInfer, grpc_frame(infer_message("a")));
  const std::int32_t kept = client.call(kInfer, grpc_frame(infer_message("b")));
  run();
  client.reset(dropped);
  run();
  std::vector<PendingRef> waiting = engine.take_waiting();
  ASSERT_EQ(waiting.size(), 2U);
  EXPECT_TRUE(waiting[0]->done());
  EXPECT_FALSE(waiting[1]->done());
  for (PendingRef& pending : waiting) pending->complete(EngineDouble::echo(pending->request));
  run();
  EXPECT_EQ(client.replies[kept].status(), 0);
  EXPECT_EQ(counted(GrpcMethod::model_infer, 1), 1U);
  EXPECT_EQ(harness.turn.stats.calls_abandoned.value(), 1U);
}

TEST_F(GrpcConnectionTest, ClientThatLeavesCancelsItsCalls) {
  engine.answer_at_once = false;
  for (int i = 0; i < 3; ++i) client.call(kInfer, grpc_frame(infer_message("a")));
  run();
  harness.session.reset();
  for (const PendingRef& pending : engine.take_waiting()) EXPECT_TRUE(pending->done());
}

TEST_F(GrpcConnectionTest, DrainFinishesWhatIsInFlight) {
  engine.answer_at_once = false;
  const std::int32_t id = client.call(kInfer, grpc_frame(infer_message("a")));
  run();
  harness.session->drain();
  client.give(harness.output());
  EXPECT_EQ(client.goaways, 1);
  EXPECT_FALSE(harness.link.finishing());
  for (PendingRef& pending : engine.take_waiting()) {
    pending->complete(EngineDouble::echo(pending->request));
  }
  client.give(harness.output());
  EXPECT_EQ(client.replies[id].status(), 0);
  harness.step();
  EXPECT_TRUE(harness.link.finishing());
}

TEST_F(GrpcConnectionTest, StalledRequestsAreGivenUp) {
  const std::int32_t id = client.call(kInfer, std::string("\0\0", 2), {}, false);
  run();
  harness.turn.now += service.timeouts.body + std::chrono::seconds(1);
  harness.session->tick();
  run();
  EXPECT_EQ(client.replies[id].status(), 4);
  EXPECT_TRUE(client.replies[id].closed);
}

TEST_F(GrpcConnectionTest, ConnectionsThatSayNothingAreDropped) {
  EXPECT_EQ(harness.session->deadline(), harness.turn.now + service.timeouts.header);
  call(kInfer, infer_message("a"));
  EXPECT_EQ(harness.session->deadline(), harness.turn.now + service.timeouts.idle);
}

TEST_F(GrpcConnectionTest, FloodsEndTheConnectionButNotBeforeTheirLimit) {
  service.limits.control_frames_max = 100;
  for (int i = 0; i < 90; ++i) client.ping();
  run();
  EXPECT_EQ(client.goaways, 0);
  harness.session->tick();
  for (int i = 0; i < 90; ++i) client.ping();
  run();
  EXPECT_EQ(client.goaways, 0);
  for (int i = 0; i < 20; ++i) client.ping();
  run();
  EXPECT_EQ(client.goaway_error, static_cast<std::uint32_t>(NGHTTP2_ENHANCE_YOUR_CALM));
  EXPECT_TRUE(harness.link.finishing());
}

TEST_F(GrpcConnectionTest, RapidResetEndsTheConnection) {
  engine.answer_at_once = false;
  for (int i = 0; i < 5000 && client.goaways == 0; ++i) {
    client.reset(client.call(kInfer, grpc_frame(infer_message("a"))));
    // Sent one by one: a reset before its HEADERS left would never reach the wire.
    const std::int32_t id = client.call(kInfer, grpc_frame(infer_message("a")));
    run();
    client.reset(id);
    run();
    engine.take_waiting();
    if (harness.link.finishing()) break;
  }
  EXPECT_TRUE(harness.link.finishing());
}

TEST_F(GrpcConnectionTest, LargeHeadersEndTheirCallOnly) {
  service.limits.header_bytes_max = 30'000;
  EXPECT_EQ(call(kInfer, infer_message("a"), {{"x", std::string(20'000, 'h')}}).status(), 0);
  EXPECT_EQ(client.header_list_max(), 30'000U);
  const GrpcReply& refused =
      call(kInfer, infer_message("a"), {{"x", std::string(40'000, 'h')}, {"y", "after"}});
  EXPECT_EQ(refused.status(), 8);
  EXPECT_EQ(refused.headers.at("grpc-message"), "the request's headers are too large");
  EXPECT_EQ(call(kInfer, infer_message("b")).status(), 0);
  EXPECT_EQ(counted(GrpcMethod::model_infer, 8), 1U);
}

// A header block that does not end: nothing else can come on this connection.
TEST_F(GrpcConnectionTest, HeadersThatDoNotEndEndTheConnection) {
  service.timeouts.header = std::chrono::seconds(5);
  service.timeouts.body = std::chrono::hours(1);
  harness.feed("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string(3, '\0') +
               std::string("\x04\0\0\0\0\0", 6));
  harness.feed(std::string("\0\0\x01\x01\0\0\0\0\x01\x83", 10));  // HEADERS, to be continued
  harness.turn.now += std::chrono::seconds(4);
  harness.session->tick();
  harness.output();
  EXPECT_FALSE(harness.link.finishing());
  harness.turn.now += std::chrono::seconds(1);
  harness.session->tick();
  harness.output();
  EXPECT_TRUE(harness.link.finishing());
}

TEST_F(GrpcConnectionTest, AMessagesTimeBeginsAfterItsHeaders) {
  service.timeouts.body = std::chrono::seconds(60);
  service.timeouts.header = std::chrono::seconds(5);
  const std::int32_t id = client.call(kInfer, std::string("\0\0", 2), {}, false);
  run();
  harness.turn.now += std::chrono::seconds(59);
  harness.session->tick();
  run();
  EXPECT_FALSE(client.replies[id].closed);
  harness.turn.now += std::chrono::seconds(2);
  harness.session->tick();
  run();
  EXPECT_EQ(client.replies[id].status(), 4);
}

TEST_F(GrpcConnectionTest, Http1IsAnsweredInItsOwnLanguage) {
  harness.feed("GET /v2 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(harness.output().starts_with("HTTP/1.1 505 "));
  EXPECT_TRUE(harness.link.finishing());
}

// A valid preface, then frames that no client may send.
TEST_F(GrpcConnectionTest, MalformedFramesEndTheConnection) {
  const std::string preface =
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string(3, '\0') + std::string("\x04\0\0\0\0\0", 6);
  const std::string frames[] = {
      std::string("\0\0\x08\x06\0\0\0\0\x01", 9) + std::string(8, 'p'),  // PING on a stream
      std::string("\0\0\x01\0\0\0\0\0\x01x", 10),                        // DATA on an idle stream
      std::string("\0\0\x05\x04\0\0\0\0\0abcde", 14),                    // SETTINGS of 5 bytes
      std::string("\0\0\x04\x08\0\0\0\0\0\0\0\0\0", 13),                 // WINDOW_UPDATE of zero
      std::string("\xff\xff\xff\x01\x04\0\0\0\x01", 9) + std::string(99, 'x'),  // too large
      std::string("\0\0\x03\x01\x05\0\0\0\x01\xff\xff\xff", 12),                // HPACK nonsense
      std::string("\0\0\x04\x01\x05\0\0\0\x02\x82\x86\x84\x41", 13),            // even stream id
      std::string("\0\0\x01\x09\x04\0\0\0\x01\x82", 10),                        // lone CONTINUATION
  };
  harness.feed(preface);
  harness.output();
  EXPECT_FALSE(harness.link.finishing());
  for (const std::string& frame : frames) {
    SessionHarness other(engine);
    other.open(factory);
    other.feed(preface + frame);
    other.output();
    EXPECT_TRUE(other.link.finishing()) << ::testing::PrintToString(frame);
  }
}

}  // namespace
}  // namespace mlops
