// What a request costs in allocations when the server has been at it for a while: an event loop,
// an engine and sockets as they are in the server, on one thread, so that every allocation of a
// turn is counted. The echo back end stands for a model: what ONNX Runtime allocates is its own.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "grpc/grpc_connection.h"
#include "grpc/grpc_fixture.h"
#include "hotpath/counted_allocations.h"
#include "http/http_connection.h"
#include "net/event_loop.h"
#include "support/loaded_engine.h"
#include "support/socket_pair.h"

namespace mlops::testing {
namespace {

constexpr int kTurns = 50;       // one after the other that have to allocate nothing
constexpr int kTurnsMax = 5000;  // until then
constexpr int kRequestsPerTurn = 8;
constexpr char kModel[] = "a_model_with_a_name_of_its_own";  // longer than a string holds in place
constexpr char kId[] = "request-0f8fad5b-d9cb-469f";

std::string http_request() {
  const std::string head = std::string(R"({"id":")") + kId +
                           R"(","inputs":[{"name":"in","shape":[1,4],"datatype":"FP32",)"
                           R"("parameters":{"binary_data_size":16}}],)"
                           R"("outputs":[{"name":"out","parameters":{"binary_data":true}}]})";
  const std::string body = head + std::string(16, '\1');
  return std::string("POST /v2/models/") + kModel +
         "/infer HTTP/1.1\r\nHost: h\r\nInference-Header-Content-Length: " +
         std::to_string(head.size()) + "\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

class Served {
 public:
  Served() {
    state.set_loaded();
    loaded.load_echo(kModel, echo_signature());
  }
  // Turns the loop until `receive` has all answers. True when one turn did it and allocated
  // nothing: a thread that is kept from running is helped by the lane pool's, and answers come
  // later.
  template <typename Receive>
  bool answers_without_memory(const Receive& receive) {
    const std::uint64_t before = allocations;
    loop.turn(0);
    const bool nothing = allocations == before;
    if (receive()) return nothing;
    while (!receive()) loop.turn(0);
    return false;
  }

  LoadedEngine loaded;
  SteadyClock clock;
  ServingState state;
  ServerFacts facts;
  SlabPool bodies{std::size_t{1} << 28};
  EventLoop loop{*loaded.engine, clock, loaded.log, {}};
};

TEST(Allocations, AreCounted) {
  const std::uint64_t before = allocations;
  std::string text(kTurns, 'x');
  EXPECT_EQ(allocations - before, 1U) << text;
}

TEST(Allocations, OfAnHttpRequest) {
  Served served;
  const HttpService service{.parts = {*served.loaded.engine, served.facts},
                            .state = served.state,
                            .bodies = served.bodies,
                            .routes = inference_routes(),
                            .limits = {},
                            .timeouts = {},
                            .decode_limits = {},
                            .metrics_page = {}};
  HttpSessionFactory factory(service);
  std::array<SocketPair, kRequestsPerTurn> clients;
  for (SocketPair& client : clients) {
    ASSERT_TRUE(served.loop.adopt(std::move(client.server), factory).ok());
  }
  const std::string request = http_request();
  int in_a_row = 0;
  for (int turn = 0; turn < kTurnsMax && in_a_row < kTurns; ++turn) {
    for (SocketPair& client : clients) client.send(request);
    std::size_t answered = 0;
    const auto receive = [&] {
      for (; answered < clients.size(); ++answered) {
        const std::string reply = clients[answered].receive();
        if (reply.empty()) return false;
        EXPECT_EQ(reply.rfind("HTTP/1.1 200", 0), 0U) << reply;
      }
      return true;
    };
    in_a_row = served.answers_without_memory(receive) ? in_a_row + 1 : 0;
    ASSERT_FALSE(HasFailure());
  }
  EXPECT_EQ(in_a_row, kTurns);
}

TEST(Allocations, OfAGrpcRequest) {
  Served served;
  const GrpcService service{.parts = {*served.loaded.engine, served.facts},
                            .state = served.state,
                            .bodies = served.bodies,
                            .limits = {},
                            .timeouts = {},
                            .decode_limits = {}};
  GrpcSessionFactory factory(service);
  SocketPair wire;
  ASSERT_TRUE(served.loop.adopt(std::move(wire.server), factory).ok());
  Http2Client client;
  inference::ModelInferRequest message;
  ASSERT_TRUE(message.ParseFromString(infer_message(kId, 4, kModel)));
  message.mutable_inputs(0)->mutable_shape()->Clear();
  message.mutable_inputs(0)->add_shape(1);
  message.mutable_inputs(0)->add_shape(4);
  const std::string framed = grpc_frame(message.SerializeAsString());
  int in_a_row = 0;
  for (int turn = 0; turn < kTurnsMax && in_a_row < kTurns; ++turn) {
    std::array<std::int32_t, kRequestsPerTurn> streams;
    for (std::int32_t& stream : streams) stream = client.call(kInfer, framed, {});
    wire.send(client.take_output());
    const auto receive = [&] {
      client.give(wire.receive());
      return std::ranges::all_of(
          streams, [&](std::int32_t stream) { return client.replies[stream].status() >= 0; });
    };
    in_a_row = served.answers_without_memory(receive) ? in_a_row + 1 : 0;
    for (const std::int32_t stream : streams) ASSERT_EQ(client.replies[stream].status(), 0);
    client.replies.clear();
  }
  EXPECT_EQ(in_a_row, kTurns);
}

}  // namespace
}  // namespace mlops::testing
