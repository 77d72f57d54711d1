#include "floor/server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace mlops::floor {
namespace {

constexpr std::size_t kReadBytes = 256 << 10;

void watch(int epoll, int operation, int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  epoll_ctl(epoll, operation, fd, &event);
}

int listen_on(std::uint16_t& port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (bind(fd, any, size) != 0 || ::listen(fd, 1024) != 0 || getsockname(fd, any, &size) != 0) {
    ::close(fd);
    return -1;
  }
  port = ntohs(address.sin_port);
  return fd;
}

}  // namespace

Server::Server()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  watch(epoll_, EPOLL_CTL_ADD, wake_, EPOLLIN);
}

Server::~Server() {
  for (const auto& [fd, peer] : peers_) ::close(fd);
  for (const int fd : {http_listener_, grpc_listener_, wake_, epoll_}) {
    if (fd >= 0) ::close(fd);
  }
}

std::string Server::listen(std::uint16_t http_port, std::uint16_t grpc_port) {
  http_port_ = http_port;
  grpc_port_ = grpc_port;
  http_listener_ = listen_on(http_port_);
  grpc_listener_ = listen_on(grpc_port_);
  if (http_listener_ < 0 || grpc_listener_ < 0)
    return std::string("cannot listen: ") + std::strerror(errno);
  watch(epoll_, EPOLL_CTL_ADD, http_listener_, EPOLLIN);
  watch(epoll_, EPOLL_CTL_ADD, grpc_listener_, EPOLLIN);
  return "";
}

void Server::accept_all(int listener) {
  for (;;) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    peers_[fd].session = listener == http_listener_ ? make_http_session() : make_grpc_session();
    watch(epoll_, EPOLL_CTL_ADD, fd, EPOLLIN);
  }
}

void Server::drop(int fd) {
  peers_.erase(fd);
  ::close(fd);
}

bool Server::flush(int fd, Peer& peer) {
  while (peer.sent < peer.out.size()) {
    const ssize_t sent =
        send(fd, peer.out.data() + peer.sent, peer.out.size() - peer.sent, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) return false;
    if (sent < 0) break;
    peer.sent += static_cast<std::size_t>(sent);
  }
  const bool blocked = peer.sent < peer.out.size();
  if (!blocked) {
    peer.out.clear();
    peer.sent = 0;
  }
  if (blocked != peer.watches_writes) {
    peer.watches_writes = blocked;
    watch(epoll_, EPOLL_CTL_MOD, fd, EPOLLIN | (blocked ? EPOLLOUT : 0u));
  }
  return true;
}

void Server::serve(int fd) {
  const auto found = peers_.find(fd);
  if (found == peers_.end()) return;
  Peer& peer = found->second;
  static thread_local std::array<char, kReadBytes> buffer;
  const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) return drop(fd);
  const std::string_view bytes(buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  if (!bytes.empty() && !peer.session->on_bytes(bytes, peer.out)) return drop(fd);
  if (!flush(fd, peer)) drop(fd);
}

void Server::run() {
  std::array<epoll_event, 256> events;
  for (;;) {
    const int ready = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < ready; ++i) {
      const int fd = events[static_cast<std::size_t>(i)].data.fd;
      if (fd == wake_) return;
      if (fd == http_listener_ || fd == grpc_listener_) {
        accept_all(fd);
      } else {
        serve(fd);
      }
    }
  }
}

void Server::stop() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_, &one, sizeof(one));
}

}  // namespace mlops::floor
