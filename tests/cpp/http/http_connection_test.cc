#include "http/http_connection.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "protocol/status_map.h"
#include "support/gated_errand.h"
#include "support/session_harness.h"

namespace mlops {
namespace {

using testing::EngineDouble;
using testing::ErrandOwnerDouble;
using testing::GatedErrand;
using testing::SessionHarness;

std::string get(const std::string& path, const std::string& more = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: h\r\n" + more + "\r\n";
}

std::string post(const std::string& path, const std::string& body, const std::string& more = "") {
  return "POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + more + "\r\n" + body;
}

// One input of one float, as JSON.
std::string infer(const std::string& id, const std::string& model = "echo") {
  return post("/v2/models/" + model + "/infer",
              R"({"id":")" + id +
                  R"(","inputs":[{"name":"in","shape":[1],"datatype":"FP32","data":[1.5]}]})");
}

struct Reply {
  int status = 0;
  std::string head;
  std::string body;
};

std::vector<Reply> split(std::string_view bytes) {
  std::vector<Reply> replies;
  while (!bytes.empty()) {
    Reply reply;
    const std::size_t end = bytes.find("\r\n\r\n");
    if (end == bytes.npos) {
      ADD_FAILURE() << "not a reply: " << bytes;
      return replies;
    }
    reply.head = bytes.substr(0, end);
    reply.status = std::stoi(reply.head.substr(9, 3));
    bytes.remove_prefix(end + 4);
    const std::size_t at = reply.head.find("\r\nContent-Length: ");
    const std::size_t size = at == std::string::npos ? 0 : std::stoul(reply.head.substr(at + 18));
    reply.body = bytes.substr(0, size);
    bytes.remove_prefix(std::min(size, bytes.size()));
    replies.push_back(std::move(reply));
  }
  return replies;
}

class HttpConnectionTest : public ::testing::Test {
 protected:
  HttpConnectionTest() {
    state.set_loaded();
    harness.open(factory);
  }
  std::vector<Reply> talk(std::string_view bytes) {
    harness.feed(bytes);
    return split(harness.output());
  }
  Reply ask(std::string_view bytes) {
    const std::vector<Reply> replies = talk(bytes);
    EXPECT_EQ(replies.size(), 1U);
    return replies.empty() ? Reply() : replies[0];
  }

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

TEST_F(HttpConnectionTest, AnswersHealth) {
  EXPECT_EQ(ask(get("/v2/health/live")).body, R"({"live":true})");
  EXPECT_EQ(ask(get("/v2/health/ready")).body, R"({"ready":true})");
  EXPECT_EQ(ask(get("/v2/models/echo/ready")).status, 200);
  EXPECT_EQ(ask(get("/v2/models/nope/ready")).status, 400);
  engine.is_ready = false;
  const Reply reply = ask(get("/v2/health/ready"));
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.body, R"({"ready":false})");
}

HttpAnswer body_and_parts(const HttpService&, const HttpAsk& ask) {
  return {.body = ask.model + "|" + ask.version + "|" + ask.region + "|" + std::string(ask.text())};
}
constexpr HttpRouteEntry kTestRoutes[] = {
    {HttpMethod::post, "/here/{m}/versions/{v}/{r}", HttpRoute::server_live, ServerCall::health,
     body_and_parts},
    {HttpMethod::post, "/aside/{r}", HttpRoute::server_live, ServerCall::health, body_and_parts,
     HttpRuns::aside},
};

TEST_F(HttpConnectionTest, HandlersGetTheBodyAndTheDecodedPath) {
  service.routes = kTestRoutes;
  EXPECT_EQ(ask(post("/here/a%20b/versions/7/r%2fs", "hello")).body, "a b|7|r/s|hello");
  EXPECT_EQ(ask(post("/here/%zz/versions/7/r", "")).status, 400);
  EXPECT_EQ(ask(post("/here/m/versions/7/%zz", "")).status, 400);
  EXPECT_EQ(ask(post("/aside/r", "x")).body, "||r|x");  // no runner: on the loop
}

TEST_F(HttpConnectionTest, HandlersThatBlockRunAsideAndAnswerInOrder) {
  service.routes = kTestRoutes;
  ErrandRunner errands(1, 8);
  service.errands = &errands;
  ErrandOwnerDouble nobody;
  std::promise<void> gate;  // holds the only thread, so that the first reply cannot be there yet
  ASSERT_TRUE(errands.take(make_ref<GatedErrand>(nobody, harness.turn, gate.get_future().share())));
  harness.feed(post("/aside/one", "1") + post("/here/m/versions/1/two", "2"));
  EXPECT_EQ(harness.link.out.size(), 0U);
  gate.set_value();
  while (harness.link.out.empty()) harness.turn.mailbox.open_all();
  const std::vector<Reply> replies = split(harness.output());
  ASSERT_EQ(replies.size(), 2U);
  EXPECT_EQ(replies[0].body, "||one|1");
  EXPECT_EQ(replies[1].body, "m|1|two|2");
}

TEST_F(HttpConnectionTest, AConnectionMayCloseBeforeItsErrandIsDone) {
  service.routes = kTestRoutes;
  ErrandRunner errands(1, 8);
  service.errands = &errands;
  harness.feed(post("/aside/one", "1"));
  harness.session.reset();
  errands.stop();
  harness.turn.mailbox.open_all();
}

TEST_F(HttpConnectionTest, BodiesAreDecompressedAndRepliesCompressedWhenAsked) {
  const std::string body =
      R"({"id":")" + std::string(500, 'x') +
      R"(","inputs":[{"name":"in","shape":[1],"datatype":"FP32","data":[1.5]}]})";
  const auto piece = std::as_bytes(std::span(body));
  for (const char* name : {"gzip", "deflate"}) {
    const Coding coding = *coding_named(name);
    const std::string headers = std::string("Content-Encoding: ") + name + "\r\n";
    const std::string small = compress(coding, {&piece, 1});
    EXPECT_NE(ask(post("/v2/models/echo/infer", small, headers)).body.find("\"data\":[1.5]"),
              std::string::npos);
    const Reply packed = ask(
        post("/v2/models/echo/infer", small, headers + "Accept-Encoding: br, " + name + "\r\n"));
    EXPECT_EQ(packed.status, 200);
    EXPECT_NE(packed.head.find(std::string("Content-Encoding: ") + name), std::string::npos);
    std::size_t size = 0;
    const auto plain =
        decompress(coding, std::as_bytes(std::span(packed.body)), 10'000, bodies, size);
    ASSERT_TRUE(plain.ok());
    const std::string text(reinterpret_cast<const char*>((*plain)->data()), size);
    EXPECT_NE(text.find("\"data\":[1.5]"), std::string::npos);
  }
  const Reply error = ask(
      post("/v2/models/echo/infer", body, "Content-Encoding: gzip\r\nAccept-Encoding: gzip\r\n"));
  EXPECT_EQ(error.status, 400);
  EXPECT_EQ(error.head.find("Content-Encoding"), std::string::npos);
  EXPECT_EQ(ask(get("/v2", "Accept-Encoding: gzip;q=0\r\n")).head.find("Content-Encoding"),
            std::string::npos);
}

TEST_F(HttpConnectionTest, ADecompressedBodyHasTheSameLimit) {
  service.decode_limits.body_bytes_max = 1000;
  const std::string bomb(100'000, ' ');
  const auto piece = std::as_bytes(std::span(bomb));
  const Reply reply = ask(post("/v2/models/echo/infer", compress(Coding::gzip, {&piece, 1}),
                               "Content-Encoding: gzip\r\n"));
  EXPECT_EQ(reply.status, 400);
  EXPECT_NE(reply.body.find("exceeds the maximum allowed input size"), std::string::npos);
}

TEST_F(HttpConnectionTest, TooManyErrandsAreRefused) {
  service.routes = kTestRoutes;
  ErrandRunner errands(0, 0);
  service.errands = &errands;
  EXPECT_EQ(ask(post("/aside/one", "1")).status, 503);
}

TEST_F(HttpConnectionTest, NotReadyWhileLoadingOrDraining) {
  const ServingState loading;
  EXPECT_FALSE(loading.ready(engine));
  state.set_draining();
  EXPECT_EQ(ask(get("/v2/health/ready")).status, 400);
  EXPECT_EQ(ask(get("/v2/health/live")).status, 200);
}

TEST_F(HttpConnectionTest, AnswersJsonInfer) {
  const Reply reply = ask(infer("a"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_NE(reply.head.find("Content-Type: application/json"), std::string::npos);
  EXPECT_NE(reply.body.find(R"("id":"a")"), std::string::npos);
  EXPECT_NE(reply.body.find(R"("data":[1.5])"), std::string::npos);
}

TEST_F(HttpConnectionTest, AnswersBinaryInferWithoutCopyingTensors) {
  const std::string json =
      R"({"parameters":{"binary_data_output":true},"inputs":[{"name":"in","shape":[2],)"
      R"("datatype":"INT32","parameters":{"binary_data_size":8}}]})";
  const std::string tensor("\x01\0\0\0\x02\0\0\0", 8);
  const Reply reply =
      ask(post("/v2/models/echo/infer", json + tensor,
               "Inference-Header-Content-Length: " + std::to_string(json.size()) + "\r\n"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_NE(reply.head.find("Content-Type: application/octet-stream"), std::string::npos);
  EXPECT_NE(reply.head.find("Inference-Header-Content-Length: "), std::string::npos);
  EXPECT_TRUE(reply.body.ends_with(tensor));
  for (std::size_t site = 0; site < kCopySites; ++site) {
    EXPECT_EQ(engine.copies().total(static_cast<CopySite>(site)), 0U);
  }
}

TEST_F(HttpConnectionTest, ErrorsCarryTheStatusAndTheRequestId) {
  const Reply missing = ask(infer("req-7", "nope"));
  EXPECT_EQ(missing.status, 404);
  EXPECT_NE(missing.body.find("[request id: req-7]"), std::string::npos);
  EXPECT_EQ(ask(post("/v2/models/echo/infer", "{broken")).status, 400);
  EXPECT_EQ(ask(post("/v2/models/echo/infer", "")).status, 400);
  EXPECT_EQ(ask(post("/v2/models/%zz/infer", "{}")).status, 400);
  EXPECT_EQ(ask(post("/v2/models/echo/infer", "{}", "Content-Encoding: br\r\n")).status, 415);
  EXPECT_EQ(ask(get("/nowhere")).status, 404);
  const Reply wrong = ask(post("/v2", ""));
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.body, R"({"error":"Method Not Allowed"})");
  EXPECT_NE(wrong.head.find("Allow: GET, HEAD"), std::string::npos);
}

TEST_F(HttpConnectionTest, HeadHasNoBody) {
  harness.feed("HEAD /v2/health/live HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string bytes = harness.output();
  EXPECT_NE(bytes.find("Content-Length: 13\r\n"), std::string::npos);
  EXPECT_TRUE(bytes.ends_with("\r\n\r\n"));
}

TEST_F(HttpConnectionTest, RepliesKeepTheOrderOfRequests) {
  engine.answer_at_once = false;
  EXPECT_TRUE(talk(infer("1") + infer("2") + get("/v2/health/live")).empty());
  std::vector<PendingRef> waiting = engine.take_waiting();
  ASSERT_EQ(waiting.size(), 2U);
  waiting[1]->complete(EngineDouble::echo(waiting[1]->request));
  EXPECT_EQ(harness.output(), "");
  waiting[0]->complete(EngineDouble::echo(waiting[0]->request));
  const std::vector<Reply> replies = split(harness.output());
  ASSERT_EQ(replies.size(), 3U);
  EXPECT_NE(replies[0].body.find(R"("id":"1")"), std::string::npos);
  EXPECT_NE(replies[1].body.find(R"("id":"2")"), std::string::npos);
  EXPECT_EQ(replies[2].body, R"({"live":true})");
}

TEST_F(HttpConnectionTest, PipeliningIsBoundedAndNothingIsLost) {
  engine.answer_at_once = false;
  std::string requests;
  for (int i = 0; i < 10; ++i) requests += infer(std::to_string(i));
  harness.feed(requests);
  EXPECT_EQ(engine.waiting(), service.pipelined_max);
  EXPECT_FALSE(harness.session->wants_input());
  std::size_t replies = 0;
  for (int round = 0; round < 10; ++round) {
    for (PendingRef& pending : engine.take_waiting()) {
      pending->complete(EngineDouble::echo(pending->request));
    }
    replies += split(harness.output()).size();
  }
  EXPECT_EQ(replies, 10U);
  EXPECT_TRUE(harness.session->wants_input());
}

TEST_F(HttpConnectionTest, WholeConversationIsTheSameHoweverItIsCut) {
  const std::string bytes = infer("1") + get("/v2/health/live") +
                            post("/v2/models/echo/infer", std::string(700, '[')) + infer("2") +
                            get("/v2", "Connection: close\r\n");
  harness.feed(bytes);
  const std::string whole = harness.output();
  EXPECT_EQ(split(whole).size(), 5U);
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 64U, 333U}) {
    SessionHarness other(engine);
    other.open(factory);
    other.feed(bytes, piece);
    EXPECT_EQ(other.output(), whole) << piece;
    EXPECT_TRUE(other.link.finishing());
  }
}

TEST_F(HttpConnectionTest, PermissionToSendIsGivenInOrder) {
  engine.answer_at_once = false;
  const std::string body = R"({"inputs":[]})";
  const std::string head =
      "POST /v2/models/echo/infer HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
      "Content-Length: 13\r\n\r\n";
  harness.feed(infer("1"));
  harness.feed(head);
  EXPECT_EQ(harness.output(), "");  // the reply to the first request comes before
  for (PendingRef& pending : engine.take_waiting()) {
    pending->complete(EngineDouble::echo(pending->request));
  }
  const std::string bytes = harness.output();
  EXPECT_TRUE(bytes.starts_with("HTTP/1.1 200 OK"));
  EXPECT_TRUE(bytes.ends_with("HTTP/1.1 100 Continue\r\n\r\n"));
  engine.answer_at_once = true;
  harness.feed(body);
  EXPECT_EQ(split(harness.output()).size(), 1U);
}

TEST_F(HttpConnectionTest, RefusedInputIsAnsweredAfterWhatCameBefore) {
  engine.answer_at_once = false;
  harness.feed(infer("1") + "nonsense\r\n\r\n" + infer("3"));
  EXPECT_EQ(harness.output(), "");
  std::vector<PendingRef> waiting = engine.take_waiting();
  ASSERT_EQ(waiting.size(), 1U);
  waiting[0]->complete(EngineDouble::echo(waiting[0]->request));
  const std::vector<Reply> replies = split(harness.output());
  ASSERT_EQ(replies.size(), 2U);
  EXPECT_EQ(replies[1].status, 400);
  EXPECT_NE(replies[1].head.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(harness.link.finishing());
  EXPECT_TRUE(harness.link.lingering());
}

TEST_F(HttpConnectionTest, ClientThatLeavesCancelsItsRequests) {
  engine.answer_at_once = false;
  harness.feed(infer("1") + infer("2"));
  const std::vector<PendingRef> waiting = engine.take_waiting();
  harness.session.reset();
  for (const PendingRef& pending : waiting) EXPECT_TRUE(pending->done());
  EXPECT_EQ(harness.turn.stats.calls_abandoned.value(), 2U);
}

TEST_F(HttpConnectionTest, SlowSenderIsToldAndIdleOneIsNot) {
  EXPECT_EQ(harness.session->deadline(), harness.turn.now + service.timeouts.idle);
  harness.feed("POST /v2/models/echo/infer HTTP/1.1\r\nHost: h\r\n");
  const TimePoint deadline = harness.session->deadline();
  EXPECT_EQ(deadline, harness.turn.now + service.timeouts.header);
  harness.turn.now += std::chrono::seconds(10);
  harness.feed("X: y\r\n");  // a drop now and then does not help
  EXPECT_EQ(harness.session->deadline(), deadline);
  harness.session->expired();
  EXPECT_EQ(split(harness.output()).at(0).status, 408);

  SessionHarness idle(engine);
  idle.open(factory);
  idle.session->expired();
  EXPECT_EQ(idle.output(), "");
}

TEST_F(HttpConnectionTest, TheLargestHeadIsASetting) {
  service.limits.head_bytes_max = 2000;
  SessionHarness other(engine);
  other.open(factory);
  other.feed(get("/v2/health/live", "X: " + std::string(1900, 'x') + "\r\n"));
  EXPECT_EQ(split(other.output()).at(0).status, 200);
  other.feed(get("/v2/health/live", "X: " + std::string(2000, 'x') + "\r\n"));
  EXPECT_EQ(split(other.output()).at(0).status, 431);
}

TEST_F(HttpConnectionTest, AHeadAndABodyHaveTimesOfTheirOwn) {
  service.timeouts.header = std::chrono::seconds(5);
  service.timeouts.body = std::chrono::seconds(60);
  const std::string head = "POST /v2/models/echo/infer HTTP/1.1\r\nHost: h\r\nContent-Length: ";
  harness.feed(head);
  const TimePoint begin = harness.turn.now;
  harness.turn.now += std::chrono::seconds(4);
  harness.feed("9000");
  EXPECT_EQ(harness.session->deadline(), begin + std::chrono::seconds(5));
  harness.feed("\r\n\r\n{");
  EXPECT_EQ(harness.session->deadline(), begin + std::chrono::seconds(64));
  harness.turn.now += std::chrono::seconds(7);
  harness.feed(std::string(8999, ' ') + head);  // all of it, and the next request begins
  EXPECT_EQ(harness.session->deadline(), begin + std::chrono::seconds(16));
}

// A client that asks whether to go on sends nothing until it is told, which may take a while.
TEST_F(HttpConnectionTest, ABodysTimeBeginsWithThePermissionToSendIt) {
  engine.answer_at_once = false;
  harness.feed(infer("1") +
               "POST /v2/models/echo/infer HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
               "Content-Length: 9000\r\n\r\n");
  harness.turn.now += std::chrono::hours(1);
  for (PendingRef& pending : engine.take_waiting()) {
    pending->complete(EngineDouble::echo(pending->request));
  }
  EXPECT_NE(harness.output().find("HTTP/1.1 100 Continue"), std::string::npos);
  EXPECT_EQ(harness.session->deadline(), harness.turn.now + service.timeouts.body);
}

TEST_F(HttpConnectionTest, LargeBodyBuysTimeInProportion) {
  harness.feed("POST /v2/models/echo/infer HTTP/1.1\r\nHost: h\r\nContent-Length: 9000000\r\n\r\n");
  const TimePoint before = harness.session->deadline();
  harness.feed(std::string(service.timeouts.body_bytes_per_second_min * 10, 'x'));
  EXPECT_GE(harness.session->deadline(), before + std::chrono::seconds(10));
}

TEST_F(HttpConnectionTest, NothingExpiresWhileTheEngineWorks) {
  engine.answer_at_once = false;
  harness.feed(infer("1"));
  EXPECT_EQ(harness.session->deadline(), kNever);
}

TEST_F(HttpConnectionTest, DrainFinishesIdleConnectionsAtOnceAndBusyOnesAfterTheirReplies) {
  SessionHarness idle(engine);
  idle.open(factory);
  idle.session->drain();
  EXPECT_TRUE(idle.link.finishing());

  engine.answer_at_once = false;
  harness.feed(infer("1") + infer("2"));
  harness.session->drain();
  EXPECT_FALSE(harness.link.finishing());
  for (PendingRef& pending : engine.take_waiting()) {
    pending->complete(EngineDouble::echo(pending->request));
  }
  const std::vector<Reply> replies = split(harness.output());
  ASSERT_EQ(replies.size(), 2U);
  EXPECT_EQ(replies[0].head.find("Connection: close"), std::string::npos);
  EXPECT_NE(replies[1].head.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(harness.link.finishing());
}

TEST_F(HttpConnectionTest, CountsByRouteAndStatus) {
  talk(get("/v2/health/live") + get("/nowhere") + infer("1") + infer("2", "nope"));
  const auto count = [&](HttpRoute route, int status) {
    return harness.turn.stats
        .http_requests[static_cast<std::size_t>(route)][http_status_index(status)]
        .value();
  };
  EXPECT_EQ(count(HttpRoute::server_live, 200), 1U);
  EXPECT_EQ(count(HttpRoute::unknown, 404), 1U);
  EXPECT_EQ(count(HttpRoute::infer, 200), 1U);
  EXPECT_EQ(count(HttpRoute::infer, 404), 1U);
}

TEST_F(HttpConnectionTest, EveryCodeOfTheEngineHasAStatusWithReason) {
  engine.answer_at_once = false;
  for (int code = 1; code <= static_cast<int>(Code::internal); ++code) {
    harness.feed(infer("x"));
    engine.take_waiting().at(0)->fail(Status(static_cast<Code>(code), "why"));
    const std::vector<Reply> replies = split(harness.output());
    ASSERT_EQ(replies.size(), 1U);
    EXPECT_EQ(replies[0].status, http_status(static_cast<Code>(code)));
    EXPECT_EQ(replies[0].head.find("Unknown"), std::string::npos) << replies[0].head;
  }
}

}  // namespace
}  // namespace mlops
