// TCP client sockets: address, refusal of other machines, connecting with a limit.
#pragma once

#include <netinet/in.h>

#include <string>
#include <utility>

namespace mlops::loadgen {

struct Address {
  sockaddr_in ipv4{};
  std::string text;  // host:port as given, for the Host header
};

// "127.0.0.1:8000" or "localhost:8000"; other names are resolved (IPv4). An empty error means
// success.
std::string parse_address(const std::string& text, Address& address);
bool is_loopback(const Address& address);

class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket();

  int fd() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// Connected, non-blocking, without Nagle's delay; not valid (errno set) on failure. Waits at most
// timeout_ms.
Socket connect_to(const Address& address, int timeout_ms);

}  // namespace mlops::loadgen
