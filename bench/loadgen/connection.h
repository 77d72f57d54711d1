// One client connection of some protocol, driven by the load loop. Never blocks after it was
// opened.
#pragma once

#include <cstddef>

#include "loadgen/outcome.h"

namespace mlops::loadgen {

class ReplySink {
 public:
  virtual ~ReplySink() = default;
  virtual void on_reply(std::size_t slot, Outcome outcome) = 0;
};

class Connection {
 public:
  virtual ~Connection() = default;  // closes the socket

  virtual int fd() const = 0;
  // Queues the request with this row on one of the connection's own slots.
  virtual void start(std::size_t slot, std::size_t row) = 0;

  // receive() takes what the socket has, deliver() reports whole replies. Two steps, so that the
  // caller can read the clock between: parsing is not latency. False: the connection is of no more
  // use (closed, reset, protocol error).
  virtual bool receive() = 0;
  virtual bool deliver(ReplySink& sink) = 0;

  // Sends queued bytes. wants_write() says that the socket took only a part.
  virtual bool flush() = 0;
  virtual bool wants_write() const = 0;
};

}  // namespace mlops::loadgen
