#include "net/listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <system_error>

namespace mlops {
namespace {

constexpr int kBacklog = 4096;

std::string error_text(int code) { return std::error_code(code, std::system_category()).message(); }

Status failure(const std::string& host, std::uint16_t port, int code) {
  return Status::unavailable("cannot listen on " + host + ":" + std::to_string(port) + ": " +
                             error_text(code));
}

void enable(int fd, int level, int option, int value = 1) {
  (void)::setsockopt(fd, level, option, &value, sizeof value);
}

// Accepted sockets inherit these, which saves system calls per connection. Keep-alive probes find
// peers that vanished without a word (about two minutes).
void set_inherited_options(int fd) {
  enable(fd, IPPROTO_TCP, TCP_NODELAY);
  enable(fd, SOL_SOCKET, SO_KEEPALIVE);
  enable(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60);
  enable(fd, IPPROTO_TCP, TCP_KEEPINTVL, 15);
  enable(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
}

Fd bound_socket(const addrinfo& address, bool share_port) {
  Fd fd(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!fd) return fd;
  enable(fd.get(), SOL_SOCKET, SO_REUSEADDR);
  if (share_port) enable(fd.get(), SOL_SOCKET, SO_REUSEPORT);
  if (::bind(fd.get(), address.ai_addr, address.ai_addrlen) != 0) {
    const int code = errno;
    fd.reset();
    errno = code;
  }
  return fd;
}

void set_port(addrinfo& address, std::uint16_t port) {
  if (address.ai_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6*>(address.ai_addr)->sin6_port = htons(port);
  } else {
    reinterpret_cast<sockaddr_in*>(address.ai_addr)->sin_port = htons(port);
  }
}

std::uint16_t port_of(int fd) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) return 0;
  return ntohs(name.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&name)->sin6_port
                                          : reinterpret_cast<sockaddr_in*>(&name)->sin_port);
}

}  // namespace

Result<Listeners> listen_tcp(const std::string& host, std::uint16_t port, std::size_t count) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
      code != 0) {
    return Status::invalid_argument("cannot listen on '" + host + "': " + ::gai_strerror(code));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);

  // Refused when anyone listens on the port, whether or not they would share it.
  if (port != 0 && !bound_socket(*found, false)) return failure(host, port, errno);

  Listeners listeners;
  listeners.port = port;
  for (std::size_t i = 0; i < count; ++i) {
    Fd fd = bound_socket(*found, true);
    if (!fd) return failure(host, listeners.port, errno);
    set_inherited_options(fd.get());
    if (::listen(fd.get(), kBacklog) != 0) return failure(host, listeners.port, errno);
    if (listeners.port == 0) {
      listeners.port = port_of(fd.get());
      set_port(*found, listeners.port);
    }
    listeners.sockets.push_back(std::move(fd));
  }
  return listeners;
}

}  // namespace mlops
