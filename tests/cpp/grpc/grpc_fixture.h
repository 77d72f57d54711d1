#pragma once
// A gRPC connection in the hands of an HTTP/2 client, without sockets.

#include <gtest/gtest.h>

#include "grpc/grpc_connection.h"
#include "grpc/http2_client.h"
#include "protocol/kserve.pb.h"
#include "support/session_harness.h"

namespace mlops::testing {

inline constexpr char kInfer[] = "/inference.GRPCInferenceService/ModelInfer";

inline std::string infer_message(const std::string& id, std::size_t floats = 1,
                                 const std::string& model = "echo") {
  inference::ModelInferRequest request;
  request.set_model_name(model);
  request.set_id(id);
  auto* input = request.add_inputs();
  input->set_name("in");
  input->set_datatype("FP32");
  input->add_shape(static_cast<std::int64_t>(floats));
  std::string raw(floats * 4, '\0');
  for (std::size_t i = 0; i < raw.size(); ++i) raw[i] = static_cast<char>(i * 7);
  request.add_raw_input_contents(raw);
  return request.SerializeAsString();
}

class GrpcConnectionTest : public ::testing::Test {
 protected:
  GrpcConnectionTest() {
    state.set_loaded();
    harness.open(factory);
  }
  // Carries bytes both ways until both are silent.
  void run(Http2Client& peer, SessionHarness& server, std::size_t piece = std::string::npos) {
    while (true) {
      const std::string there = peer.take_output();
      server.feed(there, piece);
      const std::string back = server.output();
      if (there.empty() && back.empty()) return;
      peer.give(back);
    }
  }
  void run() { run(client, harness); }
  GrpcReply& call(const std::string& path, const std::string& message,
                  const Http2Client::Headers& more = {}) {
    const std::int32_t id = client.call(path, grpc_frame(message), more);
    run();
    EXPECT_TRUE(client.replies[id].closed);
    return client.replies[id];
  }
  std::uint64_t counted(GrpcMethod method, std::size_t status) const {
    return harness.turn.stats.grpc_requests[static_cast<std::size_t>(method)][status].value();
  }

  EngineDouble engine;
  ServingState state;
  ServerFacts facts;
  SlabPool bodies{std::size_t{1} << 28};
  GrpcService service{.parts = {engine, facts},
                      .state = state,
                      .bodies = bodies,
                      .limits = {},
                      .timeouts = {},
                      .decode_limits = {}};
  GrpcSessionFactory factory{service};
  SessionHarness harness{engine};
  Http2Client client;
};

}  // namespace mlops::testing
