// The composed server over real sockets and the real engine, with the echo back end.

#include "server.h"

#include <gtest/gtest.h>

#include <thread>

#include "support/loaded_engine.h"
#include "support/socket_pair.h"
#include "support/temporary_folder.h"

namespace mlops {
namespace {

using testing::connect_to;
using testing::LoadedEngine;
using testing::receive_exactly;

ServerConfig any_ports() {
  ServerConfig config;
  config.host = "127.0.0.1";
  config.http_port = config.grpc_port = config.metrics_port = 0;
  config.threads = 2;
  return config;
}

std::string talk(int port, const std::string& request) {
  const Fd client = connect_to(static_cast<std::uint16_t>(port));
  if (::send(client.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return "";
  std::string all;
  char part[65536];
  for (ssize_t size; (size = ::recv(client.get(), part, sizeof part, 0)) > 0;) {
    all.append(part, static_cast<std::size_t>(size));
  }
  return all;
}

std::string get(int port, const std::string& path) {
  return talk(port, "GET " + path + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
}

std::string infer_request(const std::string& headers) {
  const std::string body =
      R"({"inputs":[{"name":"in","shape":[1,4],"datatype":"FP32","data":[1,2,3,4]}]})";
  return "POST /v2/models/echo/infer HTTP/1.1\r\nHost: h\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

class ServerTest : public ::testing::Test {
 protected:
  void start(const ServerConfig& config) {
    Result<std::unique_ptr<Server>> started = Server::start(config, *engine.engine, engine.log);
    ASSERT_TRUE(started.ok()) << started.status().to_string();
    server = std::move(*started);
  }
  void TearDown() override {
    if (server) server->stop();
    engine.engine.reset();
    server.reset();
  }

  LoadedEngine engine;
  std::unique_ptr<Server> server;
};

TEST_F(ServerTest, ListensBeforeItIsReady) {
  start(any_ports());
  EXPECT_TRUE(get(server->ports().http, "/v2/health/live").starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(get(server->ports().http, "/v2/health/ready").starts_with("HTTP/1.1 400"));
  server->set_loaded();
  EXPECT_TRUE(get(server->ports().http, "/v2/health/ready").starts_with("HTTP/1.1 200"));
}

TEST_F(ServerTest, InfersAndCounts) {
  engine.load_echo("echo", testing::echo_signature());
  start(any_ports());
  const std::string reply = talk(server->ports().http, infer_request("Connection: close\r\n"));
  EXPECT_TRUE(reply.starts_with("HTTP/1.1 200")) << reply;
  EXPECT_NE(reply.find("\"data\":[1.0,2.0,3.0,4.0]"), std::string::npos) << reply;
  const std::string page = get(server->ports().metrics, "/metrics");
  EXPECT_NE(
      page.find("mlops_server_requests_total{protocol=\"http\",route=\"infer\",status=\"200\"} 1"),
      std::string::npos);
  EXPECT_NE(page.find("nv_inference_request_success{model=\"echo\",version=\"1\"} 1"),
            std::string::npos);
  EXPECT_TRUE(get(server->ports().http, "/metrics").starts_with("HTTP/1.1 404"));
}

TEST_F(ServerTest, PortsCanBeOff) {
  ServerConfig config = any_ports();
  config.grpc_port = config.metrics_port = -1;
  start(config);
  EXPECT_GT(server->ports().http, 0);
  EXPECT_EQ(server->ports().grpc, -1);
  EXPECT_EQ(server->ports().metrics, -1);
}

TEST_F(ServerTest, BusyPortIsAnError) {
  start(any_ports());
  ServerConfig same = any_ports();
  same.http_port = server->ports().http;
  const Result<std::unique_ptr<Server>> second = Server::start(same, *engine.engine, engine.log);
  EXPECT_EQ(second.status().code(), Code::unavailable);
}

TEST_F(ServerTest, DrainAnswersWhatIsInFlight) {
  const std::shared_ptr<testing::Gate> gate = engine.load_gated(LoadedEngine::source("echo"));
  start(any_ports());
  server->set_loaded();
  gate->close();
  const Fd client = connect_to(static_cast<std::uint16_t>(server->ports().http));
  const std::string request = infer_request("");
  ASSERT_GT(::send(client.get(), request.data(), request.size(), MSG_NOSIGNAL), 0);
  gate->wait_for_runs(1);
  const SteadyClock clock;
  EXPECT_FALSE(server->drain(clock.now()));
  gate->open();
  EXPECT_TRUE(server->drain(clock.now() + std::chrono::seconds(20)));
  EXPECT_EQ(receive_exactly(client, 15), "HTTP/1.1 200 OK");
  EXPECT_FALSE(connect_to(static_cast<std::uint16_t>(server->ports().http)));
}

// The first failed: new limits were given to a service that nobody guarded.
TEST_F(ServerTest, NewLimitsKeepWhoMayDoWhat) {
  const testing::TemporaryFolder folder;
  ServerConfig config = any_ports();
  config.security.access.tokens_file =
      folder.file("tokens", "token name=a sha256=" + std::string(64, '0') + " roles=predict\n");
  config.security.admin_port = 0;
  start(config);
  config.limits.header_bytes_max = 2048;
  server->set_limits(config);
  for (const int port : {server->ports().http, server->ports().metrics, server->ports().admin}) {
    const char* path = port == server->ports().metrics ? "/metrics" : "/v2/models/stats";
    EXPECT_TRUE(get(port, path).starts_with("HTTP/1.1 401")) << port;
    EXPECT_TRUE(get(port, "/" + std::string(3000, 'x')).starts_with("HTTP/1.1 431")) << port;
  }
}

TEST_F(ServerTest, AFullMetricsPortLeavesTheOthersAlone) {
  ServerConfig config = any_ports();
  config.limits.metrics_connections_max = 1;
  config.security.admin_port = 0;
  start(config);
  const Fd held = connect_to(static_cast<std::uint16_t>(server->ports().metrics));
  EXPECT_EQ(get(server->ports().metrics, "/metrics"), "");
  EXPECT_TRUE(get(server->ports().admin, "/v2/health/live").starts_with("HTTP/1.1 200"));
  EXPECT_TRUE(get(server->ports().http, "/v2/health/live").starts_with("HTTP/1.1 200"));
}

// Several connections per loop, on both loops, with engine lanes in between: for the thread
// sanitizer.
TEST_F(ServerTest, ManyClientsAtOnce) {
  engine.load_echo("echo", testing::echo_signature());
  start(any_ports());
  std::atomic<int> good{0};
  std::vector<std::thread> clients;
  for (int c = 0; c < 8; ++c) {
    clients.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        good += talk(server->ports().http, infer_request("Connection: close\r\n"))
                    .starts_with("HTTP/1.1 200");
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(good.load(), 160);
}

}  // namespace
}  // namespace mlops
