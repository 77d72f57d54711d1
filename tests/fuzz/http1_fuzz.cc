// Bytes of an HTTP/1 connection, whole and cut at places the input chooses: no crash, bounded
// memory, the same conversation either way. The engine answers every infer request at once.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http/http_connection.h"
#include "support/session_harness.h"

namespace {

using namespace mlops;

constexpr std::size_t kBodyMax = 4096;

struct Fixture {
  testing::EngineDouble engine;
  ServingState state;
  ServerFacts facts;
  SlabPool bodies{std::size_t{1} << 20};
  HttpService service{
      .parts = {engine, facts},
      .state = state,
      .bodies = bodies,
      .routes = inference_routes(),
      .limits = {.head_bytes_max = 1024, .body_bytes_max = kBodyMax, .chunks_max = 64},
      .timeouts = {},
      .decode_limits = {},
      .pipelined_max = 3,
      .metrics_page = {}};
  HttpSessionFactory factory{service};
  RestrictionsInForce restricted;

  // So that headers are looked through for a key.
  Fixture() {
    RestrictedCalls calls;
    if (!calls.add("logging:k=v").ok()) std::abort();
    restricted.replace(calls);
    service.gate.restrict_calls(restricted, "expecting header '");
  }
};

std::string converse(Fixture& fixture, std::string_view bytes, std::size_t piece) {
  testing::SessionHarness harness(fixture.engine);
  harness.open(fixture.factory);
  harness.feed(bytes, piece);
  return harness.output();
}

// "100 Continue" is sent only when the body is not there yet, which the cuts decide.
std::string without_continues(std::string text) {
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  for (std::size_t at; (at = text.find(kContinue)) != std::string::npos;) {
    text.erase(at, kContinue.size());
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Fixture fixture;
  if (size == 0) return 0;
  const std::size_t piece = 1 + data[0] % 64;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = without_continues(converse(fixture, bytes, std::string_view::npos));
  if (without_continues(converse(fixture, bytes, piece)) != whole) std::abort();
  if (fixture.bodies.bytes_in_use() != 0) std::abort();
  return 0;
}
