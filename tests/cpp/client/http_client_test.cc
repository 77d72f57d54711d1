#include "client/http_client.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <future>

#include "support/http_server_double.h"

namespace mlops {
namespace {

using testing::http_reply;
using testing::HttpServerDouble;

HttpClient client_of(const HttpServerDouble& server, const HttpClientLimits& limits = {}) {
  return HttpClient(*parse_url(server.url()), limits);
}

TEST(HttpClient, SendsABodyAndReadsTheReply) {
  std::string seen;
  HttpServerDouble server([&seen](const std::string& request) {
    seen = request;
    return http_reply("201 Created", "done", "X-Y: z\r\n");
  });
  HttpClient client = client_of(server);
  const auto answered = client.ask({"POST", "/a?b=c", {{"Content-Type", "text/x"}}, "body"});
  ASSERT_TRUE(answered.ok()) << answered.status().message();
  EXPECT_EQ(answered->head.status, 201);
  EXPECT_EQ(answered->head.header("x-y"), "z");
  EXPECT_EQ(answered->body, "done");
  EXPECT_EQ(seen, "POST /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                      "\r\nContent-Type: text/x\r\nContent-Length: 4\r\n\r\nbody");
}

TEST(HttpClient, AKeptConnectionThatTheServerClosedIsOpenedAnew) {
  std::atomic<int> asked{0};
  HttpServerDouble server([&asked](const std::string&) {
    return ++asked == 2 ? std::string() : http_reply("200 OK", "x");
  });
  HttpClient client = client_of(server);
  EXPECT_TRUE(client.ask({}).ok());
  EXPECT_TRUE(client.ask({}).ok());
  EXPECT_EQ(asked.load(), 3);
}

TEST(HttpClient, AFreshConnectionWithoutAnAnswerIsAnError) {
  HttpServerDouble server([](const std::string&) { return std::string(); });
  HttpClient client = client_of(server);
  EXPECT_EQ(client.ask({}).status().code(), Code::unavailable);
}

TEST(HttpClient, OneThatSaysNothingIsGivenUp) {
  std::promise<void> end;
  std::shared_future<void> ended(end.get_future());
  HttpServerDouble server([ended](const std::string&) {
    ended.wait();
    return std::string();
  });
  HttpClientLimits limits;
  limits.silence = std::chrono::milliseconds(20);
  HttpClient client = client_of(server, limits);
  EXPECT_EQ(client.ask({}).status().code(), Code::deadline_exceeded);
  end.set_value();
}

TEST(HttpClient, AnInterruptEndsWhatItWaitsFor) {
  std::promise<void> asked;
  std::promise<void> end;
  std::shared_future<void> ended(end.get_future());
  HttpServerDouble server([&asked, ended](const std::string&) {
    asked.set_value();
    ended.wait();
    return std::string();
  });
  HttpClient client = client_of(server);
  auto answer =
      std::async(std::launch::async, [&client] { return client.ask({}).status().code(); });
  asked.get_future().wait();
  client.interrupt();
  EXPECT_EQ(answer.get(), Code::cancelled);
  end.set_value();
}

TEST(HttpClient, ALargeBodyIsRefusedUnlessItIsStreamed) {
  HttpServerDouble server(
      [](const std::string&) { return http_reply("200 OK", std::string(100'000, 'x')); });
  HttpClientLimits limits;
  limits.body_bytes_max = 1000;
  HttpClient client = client_of(server, limits);
  EXPECT_EQ(client.ask({}).status().code(), Code::resource_exhausted);
  std::size_t bytes = 0;
  const auto streamed = client.ask({}, [&bytes](std::string_view piece) {
    bytes += piece.size();
    return Status();
  });
  EXPECT_TRUE(streamed.ok());
  EXPECT_EQ(bytes, 100'000U);
}

TEST(HttpClient, NobodyThereIsSaidWithTheAddress) {
  // Held but not listened at, so that no other server comes there meanwhile.
  const Fd held(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(held.get(), any, size), 0);
  ASSERT_EQ(::getsockname(held.get(), any, &size), 0);
  const std::uint16_t port = ntohs(address.sin_port);
  HttpClient client(*parse_url("http://127.0.0.1:" + std::to_string(port)));
  const Status status = client.ask({}).status();
  EXPECT_EQ(status.code(), Code::unavailable);
  EXPECT_NE(status.message().find("127.0.0.1:" + std::to_string(port)), std::string::npos);
}

}  // namespace
}  // namespace mlops
