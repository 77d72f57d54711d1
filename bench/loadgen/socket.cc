#include "loadgen/socket.h"

#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace mlops::loadgen {

std::string parse_address(const std::string& text, Address& address) {
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos || colon == 0 || colon + 1 == text.size())
    return "expected HOST:PORT, got " + text;
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int rc =
      getaddrinfo(text.substr(0, colon).c_str(), text.substr(colon + 1).c_str(), &hints, &found);
  if (rc != 0) return "cannot resolve " + text + ": " + gai_strerror(rc);
  std::memcpy(&address.ipv4, found->ai_addr, sizeof(address.ipv4));
  address.text = text;
  freeaddrinfo(found);
  return "";
}

bool is_loopback(const Address& address) {
  return ntohl(address.ipv4.sin_addr.s_addr) >> 24 == 127;
}

Socket::~Socket() {
  if (fd_ >= 0) ::close(fd_);
}

Socket connect_to(const Address& address, int timeout_ms) {
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return socket;
  const int on = 1;
  setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  const auto* to = reinterpret_cast<const sockaddr*>(&address.ipv4);
  if (connect(socket.fd(), to, sizeof(address.ipv4)) == 0) return socket;
  if (errno != EINPROGRESS) return {};
  pollfd waiting{socket.fd(), POLLOUT, 0};
  if (poll(&waiting, 1, timeout_ms) != 1) {
    errno = ETIMEDOUT;
    return {};
  }
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(socket.fd(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error == 0) return socket;
  errno = error;
  return {};
}

}  // namespace mlops::loadgen
