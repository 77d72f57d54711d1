#pragma once
// Listening TCP sockets, one per event loop on the same address: the kernel spreads connections.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "net/fd.h"

namespace mlops {

struct Listeners {
  std::uint16_t port = 0;  // the one chosen by the kernel when 0 was asked for
  std::vector<Fd> sockets;
};

// `host` is an address or a name. Fails when another process listens there, even one that would
// share the port: two servers silently splitting the traffic is a fault that nobody finds.
Result<Listeners> listen_tcp(const std::string& host, std::uint16_t port, std::size_t count);

}  // namespace mlops
