#pragma once
// The client's end of a connection that a loop under test owns the other end of.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "net/fd.h"

namespace mlops::testing {

class SocketPair {
 public:
  SocketPair() {
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0) {
      server = Fd(ends[0]);
      client = Fd(ends[1]);
    }
  }
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // What is there now; sets `closed` when the server has closed.
  std::string receive() {
    std::string all;
    char part[65536];
    while (true) {
      const ssize_t size = ::recv(client.get(), part, sizeof part, MSG_DONTWAIT);
      if (size == 0) closed = true;
      if (size <= 0) return all;
      all.append(part, static_cast<std::size_t>(size));
    }
  }

  Fd server;
  Fd client;
  bool closed = false;
};

// A blocking connection to a port of this machine.
inline Fd connect_to(std::uint16_t port) {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fd.reset();
  }
  return fd;
}

// Blocks until `size` bytes have come, or the peer has closed.
inline std::string receive_exactly(const Fd& fd, std::size_t size) {
  std::string all(size, '\0');
  const ssize_t got = ::recv(fd.get(), all.data(), size, MSG_WAITALL);
  all.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return all;
}

}  // namespace mlops::testing
