// Bytes of an HTTP/1 connection, whole and cut at places the input chooses: no crash, bounded
// memory, the same conversation either way. The engine answers every infer request at once.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

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

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr std::string_view kClose = "Connection: close\r\n";

std::string without(std::string text, std::string_view part) {
  for (std::size_t at; (at = text.find(part)) != std::string::npos;) text.erase(at, part.size());
  return text;
}

// What the cuts decide: "100 Continue" is sent only when the body is not there yet, and who is
// refused before it is there is told that the connection ends with that.
bool alike(std::string whole, std::string parts) {
  whole = without(std::move(whole), kContinue);
  parts = without(std::move(parts), kContinue);
  if (whole == parts) return true;
  const bool ended = parts.find(kClose) != std::string::npos;
  return ended && without(std::move(whole), kClose).starts_with(without(std::move(parts), kClose));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Fixture fixture;
  if (size == 0) return 0;
  const std::size_t piece = 1 + data[0] % 64;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = converse(fixture, bytes, std::string_view::npos);
  if (!alike(whole, converse(fixture, bytes, piece))) std::abort();
  if (fixture.bodies.bytes_in_use() != 0) std::abort();
  return 0;
}
