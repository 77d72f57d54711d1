#pragma once
// A socket with its session: what the event loop keeps per connection. Only the loop touches it.

#include <cstddef>
#include <cstdint>

#include "net/byte_channel.h"
#include "net/connection_limit.h"
#include "net/fd.h"
#include "net/session.h"

namespace mlops {

class Connection final : public Link {
 public:
  Connection(Turn& turn, Fd socket) : Link(turn), fd(std::move(socket)) {}

  std::string peer_address() const override;

  Fd fd;
  ConnectionPlace place;             // among those of its port
  std::uint32_t interest = 0;        // epoll events asked for
  std::size_t index = 0;             // in the loop's table
  bool dead = false;                 // waits for burial at the end of the turn
  bool half_closed = false;          // our direction is shut down, the peer's is being drained
  bool stalled = false;              // the socket took less than we had
  TimePoint stalled_until = kNever;  // a peer that reads nothing for that long is dropped
  TimePoint linger_until = kNever;
  std::unique_ptr<ByteChannel> channel;  // null: bytes go as they are
  TimePoint handshake_until = kNever;
  bool unread = false;  // is in the loop's list of those that have input no socket tells of
  std::unique_ptr<Session> session;  // last: it refers to everything above
};

}  // namespace mlops
