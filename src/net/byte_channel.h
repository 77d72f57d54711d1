#pragma once
// What lies between a socket and its session where bytes are not passed on as they are: encryption.
// Plain connections have none. One object per connection; belongs to its loop's thread. Nothing
// here blocks.

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/clock.h"
#include "net/out_queue.h"

namespace mlops {

class ByteChannel {
 public:
  virtual ~ByteChannel() = default;

  enum class Io : std::uint8_t {
    some,    // `bytes` were read
    later,   // when the socket is readable, or writable if wants_write()
    closed,  // the peer said goodbye
    broken   // not to be used any more
  };
  struct Read {
    Io io = Io::later;
    std::size_t bytes = 0;
  };
  // Goes on with the handshake as long as there is one.
  virtual Read read(std::span<std::byte> space) = 0;
  // As OutQueue::flush. Nothing can be sent before the handshake is over.
  virtual OutQueue::Sent flush(OutQueue& out, std::size_t& bytes_sent) = 0;

  virtual bool established() const = 0;
  // More can be read without the socket becoming readable.
  virtual bool has_unread() const = 0;
  // read() goes on when the socket is writable.
  virtual bool wants_write() const = 0;
  // Tells the peer that nothing more comes.
  virtual void say_goodbye() = 0;
  // Whom the peer has proved to be; empty: nobody in particular.
  virtual std::string peer_name() const = 0;
};

// Makes the channel of a new connection. Thread-safe: all loops share it.
class ChannelFactory {
 public:
  virtual ~ChannelFactory() = default;
  // `fd` is the caller's and outlives the channel. Null when memory is gone.
  virtual std::unique_ptr<ByteChannel> open(int fd) = 0;
  virtual Duration handshake_timeout() const = 0;
};

}  // namespace mlops
