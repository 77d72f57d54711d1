#pragma once
// Drives a Session without a socket, as an event loop would: bytes in, engine turns, bytes out.

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "net/session.h"
#include "support/engine_double.h"

namespace mlops::testing {

class BareLink final : public Link {
 public:
  using Link::Link;
};

class SessionHarness {
 public:
  explicit SessionHarness(EngineDouble& engine) : engine_(engine) {}

  void open(SessionFactory& factory) { session = factory.open(link); }

  // Gives `bytes` to the session in pieces of at most `piece`.
  void feed(std::string_view bytes, std::size_t piece = std::string_view::npos) {
    while (!bytes.empty() && !link.finishing()) {
      const std::size_t size = std::min(piece, bytes.size());
      std::size_t taken = give(bytes.substr(0, size));
      bytes.remove_prefix(taken);
      step();
    }
  }
  void step() {
    for (int round = 0; round < 8; ++round) {
      while (!turn.drained.empty()) {
        std::vector<PendingRef> batch = std::exchange(turn.drained, {});
        engine_.submit_turn(batch);
      }
      turn.mailbox.open_all();
      if (!link.finishing()) session->resume();
    }
    turn.touched.clear();
    link.untouch();
  }
  std::string output() {
    step();
    return link.out.take_all();
  }

  Turn turn;
  BareLink link{turn};
  std::unique_ptr<Session> session;

 private:
  std::size_t give(std::string_view bytes) {
    const std::span<std::byte> space = session->space();
    if (!space.empty()) {
      const std::size_t size = std::min(space.size(), bytes.size());
      std::memcpy(space.data(), bytes.data(), size);
      session->received_in_space(size);
      return size;
    }
    const Buffer chunk = allocate_buffer(bytes.size());
    std::memcpy(chunk->data(), bytes.data(), bytes.size());
    session->received(writable(chunk), chunk);
    return bytes.size();
  }

  EngineDouble& engine_;
};

}  // namespace mlops::testing
