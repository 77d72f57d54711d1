// Load generator against the floor server, both real, over loopback: the two were written from the
// protocol apart from each other, so every verified reply checks both.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "floor/server.h"
#include "loadgen/expectation.h"
#include "loadgen/grpc_connection.h"
#include "loadgen/grpc_message.h"
#include "loadgen/http_connection.h"
#include "loadgen/load_loop.h"
#include "loadgen_support.h"

namespace mlops::loadgen {
namespace {

constexpr std::size_t kRows = 50;

class FloorRoundtrip : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(server_.listen(0, 0), "");
    thread_ = std::jthread([this] { server_.run(); });
    std::string bytes;
    for (std::size_t i = 0; i < kRows * 64 * 4; ++i) bytes += static_cast<char>(i * 7 + i / 256);
    const TemporaryFile file(bytes);
    payload_ = std::make_unique<Payload>(
        std::get<Payload>(Payload::load({{"x", "FP32", {1, 64}, file.path()}})));
    expectation_ = Expectation::of(bytes, kRows, 0);
  }
  void TearDown() override { server_.stop(); }

  Address address(bool grpc) {
    Address address;
    const int port = grpc ? server_.grpc_port() : server_.http_port();
    EXPECT_EQ(parse_address("127.0.0.1:" + std::to_string(port), address), "");
    return address;
  }

  Window run(bool grpc, LoopOptions options, std::optional<double> rate) {
    const Address to = address(grpc);
    std::vector<std::string> requests;
    for (std::size_t row = 0; row < kRows; ++row) {
      requests.push_back(grpc ? encode_grpc_request({"echo", ""}, *payload_, row)
                              : encode_http_binary({"echo", ""}, *payload_, row, {to.text, "t"}));
    }
    LoadLoop loop(options, [&](std::size_t index) -> std::unique_ptr<Connection> {
      Socket socket = connect_to(to, 1000);
      if (!socket.valid()) return nullptr;
      if (!grpc) return std::make_unique<HttpConnection>(std::move(socket), requests, expectation_);
      return std::make_unique<GrpcConnection>(std::move(socket),
                                              GrpcTarget{{to.text, "t"}, requests, expectation_},
                                              index * options.streams, options.streams);
    });
    EXPECT_EQ(loop.connect(), "");
    const Timing timing{rate.has_value(), steady_now_ns(), 10'000'000, 100'000'000, 2};
    Recorder recorder(timing, [] { return CpuSample{}; });
    std::optional<ArrivalSchedule> schedule;
    if (rate) schedule.emplace(Arrivals::kPoisson, *rate, 1, timing.start_ns);
    Dispatcher dispatcher(options.connections * options.streams, kRows, schedule, recorder);
    EXPECT_EQ(loop.run(dispatcher, recorder), "");
    EXPECT_EQ(recorder.unfinished(), 0u);
    Window total;
    for (const Window& window : recorder.windows()) total.add(window);
    return total;
  }

  floor::Server server_;
  std::jthread thread_;
  std::unique_ptr<Payload> payload_;
  Expectation expectation_;
};

TEST_F(FloorRoundtrip, HttpClosedLoopEchoesEveryRow) {
  const Window total = run(false, {.connections = 4}, std::nullopt);
  EXPECT_GT(total.completed(), kRows);
  EXPECT_EQ(total.errors(), 0u);
  EXPECT_EQ(total.latency.count(), total.completed());
}

TEST_F(FloorRoundtrip, GrpcStreamsEchoEveryRow) {
  const Window total = run(true, {.connections = 2, .streams = 8}, std::nullopt);
  EXPECT_GT(total.completed(), kRows);
  EXPECT_EQ(total.errors(), 0u);
}

TEST_F(FloorRoundtrip, OpenLoopSendsTheWholeSchedule) {
  const Window total = run(true, {.connections = 2, .streams = 8, .spin = true}, 2000.0);
  EXPECT_EQ(total.errors(), 0u);
  EXPECT_NEAR(static_cast<double>(total.latency.count()), 400,
              100);  // Poisson: five standard deviations
}

TEST_F(FloorRoundtrip, AWrongByteIsNoticed) {
  expectation_ = Expectation::of(std::string(kRows * 64 * 4, 'x'), kRows, 0);
  for (const bool grpc : {false, true}) {
    const Window total = run(grpc, {}, std::nullopt);
    EXPECT_EQ(total.completed(), 0u);
    EXPECT_GT(total.outcomes[static_cast<std::size_t>(Outcome::kWrongOutput)], 0u);
  }
}

}  // namespace
}  // namespace mlops::loadgen
