// Requests of those who show a token, or none: judged by their head, before there is a body.

#include <gtest/gtest.h>

#include "http/http_connection.h"
#include "support/session_harness.h"
#include "support/temporary_folder.h"
#include "support/token_line.h"

namespace mlops::testing {
namespace {

constexpr char kInferPath[] = "/v2/models/echo/infer";
constexpr char kInferBody[] =
    R"({"inputs":[{"name":"in","shape":[1],"datatype":"FP32","data":[1.5]}]})";

class HttpAccessTest : public ::testing::Test {
 protected:
  HttpAccessTest() {
    state.set_loaded();
    service.gate = Gate(access.get(), Surface::everything);
    harness.open(factory);
    harness.turn.now = TimePoint() + std::chrono::hours(1);
  }
  static std::string head(const std::string& path, const std::string& token,
                          const std::string& more, std::size_t body_bytes) {
    return "POST " + path +
           " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body_bytes) + "\r\n" +
           (token.empty() ? "" : "Authorization: Bearer " + token + "\r\n") + more + "\r\n";
  }
  std::string ask(const std::string& bytes) {
    harness.feed(bytes);
    return harness.output();
  }
  std::string infer(const std::string& token) {
    return ask(head(kInferPath, token, "", sizeof kInferBody - 1) + kInferBody);
  }

  TemporaryFolder folder;
  AccessOptions options{.tokens_file = folder.file(
                            "tokens", token_line("ana", "plain") +
                                          token_line("bo", "slow", "roles=predict rate=1 burst=2")),
                        .jwt_keys_file = {},
                        .jwt = {}};
  std::unique_ptr<Access> access = *Access::open(options);
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

TEST_F(HttpAccessTest, ABodyIsNotAwaitedFromWhoHasNoToken) {
  const std::string reply = ask(head(kInferPath, "", "", 1 << 20));
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 401 "));
  EXPECT_NE(reply.find("\r\nWWW-Authenticate: Bearer"), std::string::npos);
  EXPECT_NE(reply.find("\r\nConnection: close"), std::string::npos);
}

TEST_F(HttpAccessTest, NorPermissionGivenToSendIt) {
  const std::string reply = ask(head(kInferPath, "wrong", "Expect: 100-continue\r\n", 1 << 20));
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 401 "));
  EXPECT_EQ(reply.find("100 Continue"), std::string::npos);
}

TEST_F(HttpAccessTest, NorFromWhoMayNot) {
  EXPECT_TRUE(ask(head("/v2/repository/models/echo/load", "plain", "", 1 << 20))
                  .starts_with("HTTP/1.1 403 "));
}

TEST_F(HttpAccessTest, ABodyIsAwaitedFromWhoMay) {
  EXPECT_EQ(ask(head(kInferPath, "plain", "", sizeof kInferBody - 1)), "");
  EXPECT_TRUE(ask(kInferBody).starts_with("HTTP/1.1 200 "));
}

// A whole request that is refused costs its connection nothing.
TEST_F(HttpAccessTest, RequestsBeyondTheRateAreToldWhenToComeBack) {
  EXPECT_TRUE(infer("slow").starts_with("HTTP/1.1 200 "));
  EXPECT_TRUE(infer("slow").starts_with("HTTP/1.1 200 "));
  const std::string reply = infer("slow");
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 429 "));
  EXPECT_NE(reply.find("\r\nRetry-After: 1\r\n"), std::string::npos);
  EXPECT_TRUE(infer("plain").starts_with("HTTP/1.1 200 "));
  harness.turn.now += std::chrono::seconds(1);
  EXPECT_TRUE(infer("slow").starts_with("HTTP/1.1 200 "));
}

}  // namespace
}  // namespace mlops::testing
