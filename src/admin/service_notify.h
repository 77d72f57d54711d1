#pragma once
// What a service tells systemd about itself: one datagram each, to the socket that systemd named.
// Thread-safe; never blocks, and what cannot be sent is lost.

#include <string>
#include <string_view>

namespace mlops {

class ServiceNotify {
 public:
  // A path, or "@name" of an abstract socket; empty: nobody listens, and nothing is sent.
  explicit ServiceNotify(std::string socket) : socket_(std::move(socket)) {}

  // "READY=1", several with line feeds between.
  void send(std::string_view state) const noexcept;
  // RELOADING=1 with the time that systemd wants to see beside it.
  void send_reloading() const;

 private:
  const std::string socket_;
};

}  // namespace mlops
