#pragma once
// One connection's two halves. A Session speaks a protocol and touches no socket: bytes come in
// through received(), bytes go out through its Link. A Link is what the session may ask of whoever
// owns the socket, so that tests and fuzzers drive sessions without one.
// Both belong to the loop's thread.

#include <cstddef>
#include <memory>
#include <span>

#include "base/clock.h"
#include "net/out_queue.h"
#include "net/turn.h"

namespace mlops {

class Link {
 public:
  explicit Link(Turn& turn) : turn_(turn) {}
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  OutQueue out;

  // Something is in `out`, or the session's wishes changed: the loop looks at the end of its turn.
  void touch() {
    if (touched_) return;
    touched_ = true;
    turn_.touched.push_back(this);
  }
  void untouch() { touched_ = false; }

  // No input is wanted any more: close when `out` is empty. `linger` first reads and drops what the
  // peer is still sending, or a reset would destroy the answer before the peer has read it.
  void finish(bool linger) {
    finishing_ = true;
    lingering_ = lingering_ || linger;
    touch();
  }
  // Who is at the other end, for logs; empty: not known.
  virtual std::string peer_address() const { return {}; }
  const std::string& peer_name() const { return peer_name_; }
  void set_peer_name(std::string name) { peer_name_ = std::move(name); }

  bool finishing() const { return finishing_; }
  bool lingering() const { return lingering_; }
  Turn& turn() { return turn_; }

 protected:
  ~Link() = default;

 private:
  Turn& turn_;
  std::string peer_name_;  // that it has proved (a certificate's subject)
  bool touched_ = false;
  bool finishing_ = false;
  bool lingering_ = false;
};

class Session {
 public:
  // Cancels and forgets what is in flight: late completions must find nobody.
  virtual ~Session() = default;

  // Where the next bytes must go (the rest of a large body); empty: anywhere.
  virtual std::span<std::byte> space() { return {}; }
  virtual void received_in_space(std::size_t /*bytes*/) {}
  // `bytes` lie in `chunk`; the session may keep views of them as long as it holds the chunk.
  virtual void received(std::span<const std::byte> bytes, const Buffer& chunk) = 0;

  // False while the session has more in hand than it wants; the socket is not read meanwhile.
  virtual bool wants_input() const = 0;
  // Called before `out` is sent, as long as it is not too full: write what is ready, go on with
  // input that waited. Must do nothing when there is nothing to do.
  virtual void resume() = 0;

  // When to give up if nothing changes; kNever: not at all. expired() says goodbye if it can.
  virtual TimePoint deadline() const = 0;
  virtual void expired() = 0;
  // Called about once a second, for what is neither input nor output.
  virtual void tick() {}
  // The server stops: answer what is in flight, take nothing new, finish() the link.
  virtual void drain() = 0;
};

// Makes the session of a new connection. Thread-safe: all loops share it.
class SessionFactory {
 public:
  virtual ~SessionFactory() = default;
  virtual std::unique_ptr<Session> open(Link& link) = 0;
};

}  // namespace mlops
