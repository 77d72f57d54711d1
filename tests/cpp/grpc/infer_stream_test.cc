// ModelStreamInfer: many requests on one stream, in order unless decoupled, errors as messages.

#include <gtest/gtest.h>

#include "grpc/grpc_fixture.h"

namespace mlops::testing {
namespace {

constexpr char kStream[] = "/inference.GRPCInferenceService/ModelStreamInfer";

class InferStreamTest : public GrpcConnectionTest {
 protected:
  std::int32_t open(const Http2Client::Headers& more = {}) {
    const std::int32_t id = client.call(kStream, "", more, false);
    run();
    return id;
  }
  void send(std::int32_t id, const std::string& message, bool end = false) {
    client.send(id, grpc_frame(message), end);
    run();
  }
  std::vector<inference::ModelStreamInferResponse> responses(std::int32_t id) {
    std::vector<inference::ModelStreamInferResponse> parsed;
    for (const std::string& message : client.replies[id].messages()) {
      EXPECT_TRUE(parsed.emplace_back().ParseFromString(message));
    }
    return parsed;
  }
  static bool is_final(const inference::ModelStreamInferResponse& response) {
    const auto& parameters = response.infer_response().parameters();
    EXPECT_TRUE(parameters.contains("triton_final_response"));
    return parameters.at("triton_final_response").bool_param();
  }
  static std::string wants_empty_final(const std::string& message) {
    inference::ModelInferRequest request;
    request.ParseFromString(message);
    (*request.mutable_parameters())["triton_enable_empty_final_response"].set_bool_param(true);
    return request.SerializeAsString();
  }
  static void part(Pending& pending) { pending.send_part(EngineDouble::echo(pending.request)); }
  static void end(Pending& pending) {
    Response last = Response::failure(pending.request, {});
    last.version = 1;
    pending.complete(std::move(last));
  }
};

TEST_F(InferStreamTest, AnswersEachRequestAndEndsWithTheSender) {
  const std::int32_t id = open();
  EXPECT_EQ(client.replies[id].headers.at(":status"), "200");
  send(id, infer_message("a"));
  send(id, infer_message("b", 3));
  auto got = responses(id);
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[0].infer_response().id(), "a");
  EXPECT_EQ(got[0].infer_response().raw_output_contents(0), std::string("\0\x07\x0e\x15", 4));
  EXPECT_EQ(got[1].infer_response().id(), "b");
  EXPECT_EQ(got[1].infer_response().model_version(), "1");
  EXPECT_EQ(got[1].infer_response().raw_output_contents(0).size(), 12U);
  EXPECT_TRUE(is_final(got[0]));
  EXPECT_FALSE(client.replies[id].closed);
  send(id, infer_message("c"), true);
  EXPECT_EQ(responses(id).size(), 3U);
  EXPECT_TRUE(client.replies[id].closed);
  EXPECT_EQ(client.replies[id].status(), 0);
  EXPECT_EQ(client.replies[id].error_code, 0U);
  EXPECT_EQ(counted(GrpcMethod::model_stream_infer, 0), 1U);
}

TEST_F(InferStreamTest, AnEmptyStreamEndsWell) {
  const std::int32_t id = open();
  client.send(id, "", true);
  run();
  EXPECT_TRUE(client.replies[id].closed);
  EXPECT_EQ(client.replies[id].status(), 0);
}

TEST_F(InferStreamTest, ReadsMessagesHoweverTheBytesAreCut) {
  std::string all;
  for (int i = 0; i < 5; ++i) all += grpc_frame(infer_message(std::to_string(i), 40));
  for (const std::size_t piece : {1U, 3U, 7U, 100U, 5000U}) {
    SessionHarness other(engine);
    other.open(factory);
    Http2Client peer;
    const std::int32_t id = peer.call(kStream, all);
    run(peer, other, piece);
    const auto messages = peer.replies[id].messages();
    ASSERT_EQ(messages.size(), 5U) << piece;
    for (int i = 0; i < 5; ++i) {
      inference::ModelStreamInferResponse response;
      ASSERT_TRUE(response.ParseFromString(messages[static_cast<std::size_t>(i)]));
      EXPECT_EQ(response.infer_response().id(), std::to_string(i));
    }
    EXPECT_EQ(peer.replies[id].status(), 0);
  }
}

TEST_F(InferStreamTest, AnErrorIsAMessageAndTheStreamGoesOn) {
  const std::int32_t id = open();
  send(id, infer_message("lost", 1, "nope"));
  send(id, "\xff\xff not protobuf");
  send(id, infer_message("kept"), true);
  const auto got = responses(id);
  ASSERT_EQ(got.size(), 3U);
  EXPECT_NE(got[0].error_message().find("nope"), std::string::npos);
  EXPECT_EQ(got[0].infer_response().id(), "lost");
  EXPECT_EQ(got[0].infer_response().model_version(), "");
  EXPECT_TRUE(is_final(got[0]));
  EXPECT_FALSE(got[1].error_message().empty());
  EXPECT_EQ(got[2].error_message(), "");
  EXPECT_EQ(got[2].infer_response().id(), "kept");
  EXPECT_EQ(client.replies[id].status(), 0);
}

TEST_F(InferStreamTest, AClientThatAsksForAStatusGetsOneAtTheFirstError) {
  engine.answer_at_once = false;
  const std::int32_t id = open({{"triton_grpc_error", "true"}});
  send(id, infer_message("a"));
  send(id, infer_message("b"));
  const auto waiting = engine.take_waiting();
  waiting[0]->fail(Status::not_found("no such thing"));
  run();
  EXPECT_TRUE(responses(id).empty());
  EXPECT_TRUE(client.replies[id].closed);
  EXPECT_EQ(client.replies[id].status(), 5);
  EXPECT_EQ(client.replies[id].headers.at("grpc-message"), "no such thing");
  EXPECT_EQ(waiting[1]->outcome(), Code::cancelled);
}

TEST_F(InferStreamTest, AnswersComeInTheOrderOfTheirRequests) {
  engine.answer_at_once = false;
  const std::int32_t id = open();
  for (const char* name : {"a", "b", "c"}) send(id, infer_message(name));
  const auto waiting = engine.take_waiting();
  waiting[2]->complete(EngineDouble::echo(waiting[2]->request));
  waiting[1]->complete(EngineDouble::echo(waiting[1]->request));
  run();
  EXPECT_TRUE(responses(id).empty());
  waiting[0]->complete(EngineDouble::echo(waiting[0]->request));
  run();
  const auto got = responses(id);
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(got[0].infer_response().id(), "a");
  EXPECT_EQ(got[2].infer_response().id(), "c");
}

TEST_F(InferStreamTest, DecoupledAnswersComeAsTheyAreMade) {
  engine.decoupled = true;
  const std::int32_t id = open();
  send(id, infer_message("a"));
  send(id, wants_empty_final(infer_message("b")));
  const auto waiting = engine.take_waiting();
  part(*waiting[1]);
  run();
  part(*waiting[0]);
  part(*waiting[0]);
  part(*waiting[1]);
  run();
  end(*waiting[1]);
  end(*waiting[0]);
  run();
  const auto got = responses(id);
  ASSERT_EQ(got.size(), 5U);  // four parts, and the one end that was asked for
  EXPECT_EQ(got[0].infer_response().id(), "b");
  int finals = 0;
  for (const auto& response : got) {
    if (!is_final(response)) {
      EXPECT_EQ(response.infer_response().outputs_size(), 1);
      continue;
    }
    ++finals;
    EXPECT_EQ(response.infer_response().id(), "b");
    EXPECT_EQ(response.infer_response().model_name(), "echo");
    EXPECT_EQ(response.infer_response().outputs_size(), 0);
  }
  EXPECT_EQ(finals, 1);
  client.send(id, "", true);
  run();
  EXPECT_EQ(client.replies[id].status(), 0);
}

TEST_F(InferStreamTest, ADecoupledRequestHoldsUpNobody) {
  engine.decoupled = true;
  const std::int32_t id = open();
  send(id, infer_message("slow"));
  engine.decoupled = false;
  send(id, infer_message("plain"));
  ASSERT_EQ(responses(id).size(), 1U);
  EXPECT_EQ(responses(id)[0].infer_response().id(), "plain");
}

TEST_F(InferStreamTest, AHalfClosedStreamIsAnsweredToTheEnd) {
  engine.decoupled = true;
  const std::int32_t id = open();
  send(id, infer_message("a"), true);
  const auto waiting = engine.take_waiting();
  EXPECT_FALSE(client.replies[id].closed);
  part(*waiting[0]);
  end(*waiting[0]);
  run();
  EXPECT_EQ(responses(id).size(), 1U);
  EXPECT_TRUE(client.replies[id].closed);
  EXPECT_EQ(client.replies[id].status(), 0);
}

TEST_F(InferStreamTest, ResettingTheStreamCancelsAllOfIt) {
  engine.answer_at_once = false;
  const std::int32_t id = open();
  send(id, infer_message("a"));
  send(id, infer_message("b"));
  client.reset(id);
  run();
  for (const PendingRef& pending : engine.take_waiting()) {
    EXPECT_EQ(pending->outcome(), Code::cancelled);
    EXPECT_FALSE(pending->complete(EngineDouble::echo(pending->request)));
  }
  EXPECT_EQ(harness.turn.stats.calls_abandoned.value(), 2U);
  EXPECT_EQ(counted(GrpcMethod::model_stream_infer, 1), 1U);
}

TEST_F(InferStreamTest, LosingTheConnectionCancelsAllOfIt) {
  engine.decoupled = true;
  const std::int32_t id = open();
  send(id, infer_message("a"));
  const auto waiting = engine.take_waiting();
  part(*waiting[0]);
  harness.session.reset();
  EXPECT_EQ(waiting[0]->outcome(), Code::cancelled);
  EXPECT_EQ(waiting[0]->send_part(Response{}), PartOutcome::over);
  harness.turn.mailbox.open_all();  // the letter of the part finds nobody
}

// A part and the answer come after the loop has opened its letters and before it writes: all is
// written, the stream is gone, and a letter is still on its way.
TEST_F(InferStreamTest, ALetterThatComesAfterTheStreamFindsNobody) {
  engine.decoupled = true;
  const std::int32_t id = open();
  send(id, infer_message("a"), true);
  const auto waiting = engine.take_waiting();
  part(*waiting[0]);
  harness.turn.mailbox.open_all();
  part(*waiting[0]);
  end(*waiting[0]);
  harness.session->resume();
  client.give(harness.link.out.take_all());
  EXPECT_TRUE(client.replies[id].closed);
  EXPECT_EQ(harness.turn.mailbox.open_all(), 1U);
  EXPECT_EQ(responses(id).size(), 2U);
}

TEST_F(InferStreamTest, AReaderThatStopsReadingStopsTheModel) {
  engine.decoupled = true;
  constexpr std::size_t kFloats = 4096;  // 16 KiB a part
  SessionHarness server(engine);
  server.open(factory);
  Http2Client peer(65535, false);
  const std::int32_t id = peer.call(kStream, grpc_frame(infer_message("a", kFloats)));
  run(peer, server);
  const auto waiting = engine.take_waiting();
  int sent = 0;
  PartOutcome outcome = PartOutcome::more;
  for (; sent < 1000 && outcome == PartOutcome::more; ++sent) {
    outcome = waiting[0]->send_part(EngineDouble::echo(waiting[0]->request));
    run(peer, server);
  }
  EXPECT_EQ(outcome, PartOutcome::full);
  EXPECT_LT(sent, 60);  // the window's four, one under way, and what may wait
  // Room is made by reading.
  const std::size_t before = peer.replies[id].data.size();
  peer.consume(id, before);
  run(peer, server);
  EXPECT_GT(peer.replies[id].data.size(), before);
}

TEST_F(InferStreamTest, ASenderOfTooManyIsHeldUpNotRefused) {
  engine.answer_at_once = false;
  const std::int32_t id = open();
  constexpr int kRequests = 4000;
  std::string all;
  for (int i = 0; i < kRequests; ++i) {
    all += grpc_frame(infer_message(std::to_string(i), 1000));  // 4 KB: the window holds a thousand
  }
  client.send(id, all, true);
  run();
  const std::size_t taken = engine.waiting();
  EXPECT_GE(taken, InferStream::kInFlightMax);
  EXPECT_LT(taken, 2000U);
  for (int round = 0; round < 100 && responses(id).size() < kRequests; ++round) {
    for (const PendingRef& pending : engine.take_waiting()) {
      pending->complete(EngineDouble::echo(pending->request));
    }
    run();
  }
  EXPECT_EQ(responses(id).size(), static_cast<std::size_t>(kRequests));
  EXPECT_EQ(client.replies[id].status(), 0);
}

TEST_F(InferStreamTest, DrainingAnswersWhatIsInFlightAndEndsTheStream) {
  engine.answer_at_once = false;
  const std::int32_t id = open();
  send(id, infer_message("a"));
  harness.session->drain();
  run();
  EXPECT_FALSE(client.replies[id].closed);
  for (const PendingRef& pending : engine.take_waiting()) {
    pending->complete(EngineDouble::echo(pending->request));
  }
  run();
  EXPECT_EQ(responses(id).size(), 1U);
  EXPECT_TRUE(client.replies[id].closed);
  EXPECT_EQ(client.replies[id].status(), 14);
  EXPECT_TRUE(harness.link.finishing());
}

TEST_F(InferStreamTest, AMalformedFrameEndsTheStreamWithAStatus) {
  engine.answer_at_once = false;
  const std::int32_t id = open();
  send(id, infer_message("a"));
  client.send(id, grpc_frame("x", 1));  // compressed, in a stream that named no encoding
  run();
  EXPECT_TRUE(client.replies[id].closed);
  EXPECT_EQ(client.replies[id].status(), 13);
  EXPECT_EQ(engine.take_waiting()[0]->outcome(), Code::cancelled);
  const std::int32_t cut = open();
  client.send(cut, grpc_frame(infer_message("b")).substr(0, 20), true);
  run();
  EXPECT_EQ(client.replies[cut].status(), 13);
}

TEST_F(InferStreamTest, AHalfSentRequestTimesOutAndAnIdleStreamDoesNot) {
  const std::int32_t idle = open();
  const std::int32_t half = open();
  client.send(half, grpc_frame(infer_message("b")).substr(0, 20));
  run();
  harness.turn.now += service.timeouts.body + std::chrono::seconds(2);
  harness.session->tick();
  run();
  EXPECT_TRUE(client.replies[half].closed);
  EXPECT_NE(client.replies[half].error_code, 0U);
  EXPECT_FALSE(client.replies[idle].closed);
}

TEST_F(InferStreamTest, AnUnreadAnswerTimesOut) {
  SessionHarness server(engine);
  server.open(factory);
  Http2Client peer(1024, false);
  const std::int32_t id = peer.call(
      kStream, grpc_frame(infer_message("a", 4096)) + grpc_frame(infer_message("b", 4096)));
  run(peer, server);
  server.turn.now += service.timeouts.unread + std::chrono::seconds(1);
  server.session->tick();
  run(peer, server);
  EXPECT_TRUE(peer.replies[id].closed);
}

TEST_F(InferStreamTest, TheCallsDeadlineIsEveryRequestsDeadline) {
  engine.answer_at_once = false;
  const std::int32_t id = open({{"grpc-timeout", "2S"}});
  send(id, infer_message("a"));
  EXPECT_EQ(engine.take_waiting()[0]->request.deadline, harness.turn.now + std::chrono::seconds(2));
}

}  // namespace
}  // namespace mlops::testing
