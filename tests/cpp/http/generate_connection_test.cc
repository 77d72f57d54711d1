// generate and generate_stream on a connection.

#include <gtest/gtest.h>

#include "http/http_connection.h"
#include "support/session_harness.h"

namespace mlops::testing {
namespace {

class GenerateTest : public ::testing::Test {
 protected:
  GenerateTest() {
    state.set_loaded();
    harness.open(factory);
  }
  static std::string ask(const std::string& route, const std::string& body,
                         const std::string& version = "1.1", const std::string& model = "echo") {
    return "POST /v2/models/" + model + "/" + route + " HTTP/" + version +
           "\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  std::string talk(std::string_view bytes) {
    harness.feed(bytes);
    return harness.output();
  }
  static bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
  }
  static std::string event(std::string_view json) {
    const std::string text = "data: " + std::string(json) + "\n\n";
    char size[16];
    std::snprintf(size, sizeof size, "%zx\r\n", text.size());
    return size + text + "\r\n";
  }
  static void part(Pending& pending) { pending.send_part(EngineDouble::echo(pending.request)); }
  static void end(Pending& pending) { pending.complete(Response::failure(pending.request, {})); }

  const std::string input = R"({"id":"7","in":[1,2,3,4]})";
  const std::string output =
      R"({"id":"7","model_name":"echo","model_version":"1","in":[1.0,2.0,3.0,4.0]})";
  EngineDouble engine;
  ServingState state;
  ServerFacts facts;
  SlabPool bodies{std::size_t{1} << 28};
  HttpService service{.parts = {engine, facts},
                      .state = state,
                      .bodies = bodies,
                      .routes = inference_routes(),
                      .limits = {},
                      .timeouts = {},
                      .decode_limits = {},
                      .pipelined_max = 4,
                      .metrics_page = {}};
  HttpSessionFactory factory{service};
  SessionHarness harness{engine};
};

TEST_F(GenerateTest, AnswersOneObject) {
  const std::string reply = talk(ask("generate", input));
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")) << reply;
  EXPECT_TRUE(reply.ends_with("\r\n\r\n" + output)) << reply;
  EXPECT_TRUE(talk(ask("versions/1/generate", input)).ends_with(output));
}

TEST_F(GenerateTest, RequestsThatFailBeforeTheModelGetAStatus) {
  for (const char* route : {"generate", "generate_stream"}) {
    const std::string unknown = talk(ask(route, input, "1.1", "nope"));
    EXPECT_TRUE(has(unknown, " 404 ")) << unknown;
    EXPECT_TRUE(has(unknown, "Content-Type: application/json"));
    EXPECT_TRUE(has(talk(ask(route, R"({"in":"x"})")), " 400 "));
    EXPECT_TRUE(has(talk(ask(route, "{")), " 400 "));
  }
  EXPECT_TRUE(has(talk("GET /v2/models/echo/generate HTTP/1.1\r\nHost: h\r\n\r\n"), " 405 "));
}

TEST_F(GenerateTest, StreamsTheOneAnswerOfAPlainModel) {
  const std::string reply = talk(ask("generate_stream", input));
  EXPECT_TRUE(has(reply, "Content-Type: text/event-stream; charset=utf-8\r\n"));
  EXPECT_TRUE(has(reply, "Transfer-Encoding: chunked\r\n"));
  EXPECT_TRUE(reply.ends_with("\r\n\r\n" + event(output) + "0\r\n\r\n")) << reply;
}

TEST_F(GenerateTest, StreamsPartsAsTheyAreMade) {
  engine.decoupled = true;
  EXPECT_EQ(talk(ask("generate_stream", input)), "");
  const auto waiting = engine.take_waiting();
  part(*waiting[0]);
  EXPECT_TRUE(harness.output().ends_with("\r\n\r\n" + event(output)));
  part(*waiting[0]);
  part(*waiting[0]);
  EXPECT_EQ(harness.output(), event(output) + event(output));
  end(*waiting[0]);
  EXPECT_EQ(harness.output(), "0\r\n\r\n");
  // The connection goes on.
  engine.decoupled = false;
  EXPECT_TRUE(has(talk(ask("generate", input)), " 200 "));
}

TEST_F(GenerateTest, AStreamWithoutPartsIsEmpty) {
  engine.decoupled = true;
  talk(ask("generate_stream", input));
  end(*engine.take_waiting()[0]);
  EXPECT_TRUE(harness.output().ends_with("\r\n\r\n0\r\n\r\n"));
}

TEST_F(GenerateTest, AnErrorAfterTheBeginningIsAnEvent) {
  engine.decoupled = true;
  talk(ask("generate_stream", input) + ask("generate_stream", input));
  const auto waiting = engine.take_waiting();
  part(*waiting[0]);
  waiting[0]->fail(Status::internal("it broke"));
  const std::string first = harness.output();
  EXPECT_TRUE(first.starts_with("HTTP/1.1 200 OK"));
  EXPECT_TRUE(first.ends_with(event(output) + event(R"({"error":"[request id: 7] it broke"})") +
                              "0\r\n\r\n"));
  // Before the first part the status says so too.
  waiting[1]->fail(Status::internal("it broke"));
  const std::string second = harness.output();
  EXPECT_TRUE(second.starts_with("HTTP/1.1 500 "));
  EXPECT_TRUE(has(second, "text/event-stream"));
  EXPECT_TRUE(has(second, "it broke"));
}

TEST_F(GenerateTest, GenerateWantsExactlyOneResponse) {
  engine.decoupled = true;
  const std::string wrong = "generate expects model to produce exactly 1 response";
  talk(ask("generate", input));
  auto waiting = engine.take_waiting();
  part(*waiting[0]);
  EXPECT_EQ(harness.output(), "");
  end(*waiting[0]);
  EXPECT_TRUE(harness.output().ends_with(output));

  talk(ask("generate", input));
  end(*engine.take_waiting()[0]);
  EXPECT_TRUE(has(harness.output(), wrong));

  talk(ask("generate", input));
  waiting = engine.take_waiting();
  part(*waiting[0]);
  part(*waiting[0]);
  const std::string reply = harness.output();
  EXPECT_TRUE(has(reply, " 500 "));
  EXPECT_TRUE(has(reply, wrong));
  EXPECT_EQ(waiting[0]->outcome(), Code::cancelled);  // the rest need not be made
}

TEST_F(GenerateTest, PipelinedRepliesKeepTheirOrder) {
  engine.decoupled = true;
  talk(ask("generate_stream", input));
  engine.decoupled = false;
  EXPECT_EQ(talk(ask("generate", input)), "");
  const auto waiting = engine.take_waiting();
  part(*waiting[0]);
  end(*waiting[0]);
  const std::string both = harness.output();
  EXPECT_LT(both.find("0\r\n\r\n"), both.find("Content-Type: application/json"));
  EXPECT_TRUE(both.ends_with(output));
}

TEST_F(GenerateTest, Http10IsStreamedToTheEndOfTheConnection) {
  engine.decoupled = true;
  talk(ask("generate_stream", input, "1.0"));
  const auto waiting = engine.take_waiting();
  part(*waiting[0]);
  const std::string begun = harness.output();
  EXPECT_TRUE(has(begun, "Connection: close\r\n"));
  EXPECT_FALSE(has(begun, "chunked"));
  EXPECT_TRUE(begun.ends_with("\r\n\r\ndata: " + output + "\n\n"));
  end(*waiting[0]);
  EXPECT_EQ(harness.output(), "");
  EXPECT_TRUE(harness.link.finishing());
}

TEST_F(GenerateTest, AClientThatLeavesCancels) {
  engine.decoupled = true;
  talk(ask("generate_stream", input));
  const auto waiting = engine.take_waiting();
  part(*waiting[0]);
  harness.session.reset();
  EXPECT_EQ(waiting[0]->outcome(), Code::cancelled);
  EXPECT_EQ(waiting[0]->send_part(Response{}), PartOutcome::over);
  harness.turn.mailbox.open_all();
}

TEST_F(GenerateTest, AClientThatDoesNotReadStopsTheModel) {
  engine.decoupled = true;
  std::string values = "0";
  for (int i = 0; i < 4 * 5000 - 1; ++i) values += ",0";
  talk(ask("generate_stream", R"({"in":[)" + values + "]}"));
  const auto waiting = engine.take_waiting();
  PartOutcome outcome = PartOutcome::more;
  int sent = 0;
  for (; sent < 1000 && outcome == PartOutcome::more; ++sent) {
    outcome = waiting[0]->send_part(EngineDouble::echo(waiting[0]->request));
    harness.step();  // nobody takes link.out
  }
  EXPECT_EQ(outcome, PartOutcome::full);
  EXPECT_LT(sent, 60);
  EXPECT_LT(harness.link.out.size(), std::size_t{256} << 10);
}

}  // namespace
}  // namespace mlops::testing
