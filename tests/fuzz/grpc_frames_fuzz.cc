// Bytes of a gRPC connection behind a valid HTTP/2 preface, in pieces that the input chooses: no
// crash, bounded memory, nothing kept afterwards. Every fourth input leaves its calls in flight
// when it goes.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "grpc/grpc_connection.h"
#include "support/session_harness.h"

namespace {

using namespace mlops;

struct Fixture {
  testing::EngineDouble engine;
  ServingState state;
  ServerFacts facts;
  SlabPool bodies{std::size_t{1} << 20};
  GrpcService service{.parts = {engine, facts},
                      .state = state,
                      .bodies = bodies,
                      .limits = {.message_bytes_max = 4096},
                      .timeouts = {},
                      .decode_limits = {}};
  GrpcSessionFactory factory{service};
};

// Some parts for every call, and the end for some.
void answer_in_parts(testing::EngineDouble& engine, std::uint8_t choice) {
  for (const PendingRef& pending : engine.take_waiting()) {
    for (int part = 0; part < choice / 32; ++part) {
      pending->send_part(testing::EngineDouble::echo(pending->request));
    }
    if (choice % 2 == 0) pending->complete(Response::failure(pending->request, {}));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Fixture fixture;
  if (size < 2) return 0;
  const std::size_t piece = 1 + data[0];
  fixture.engine.answer_at_once = data[1] % 4 != 0;
  fixture.engine.is_ready = data[1] % 8 != 1;
  fixture.engine.decoupled = data[1] % 16 >= 8;
  std::string bytes = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string("\0\0\0\4\0\0\0\0\0", 9);
  bytes.append(reinterpret_cast<const char*>(data) + 2, size - 2);
  {
    testing::SessionHarness harness(fixture.engine);
    harness.open(fixture.factory);
    harness.feed(bytes, piece);
    harness.output();
    if (fixture.engine.decoupled) answer_in_parts(fixture.engine, data[1]);
    harness.output();
    if (!harness.link.finishing()) {
      harness.turn.now += std::chrono::minutes(1);
      harness.session->tick();
      harness.output();
      harness.session->drain();
      harness.output();
    }
  }
  for (const PendingRef& pending : fixture.engine.take_waiting()) {
    if (!pending->done()) std::abort();  // a call outlived its connection
  }
  if (fixture.bodies.bytes_in_use() != 0) std::abort();
  return 0;
}
