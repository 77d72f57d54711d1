#include "net/connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>

namespace mlops {

std::string Connection::peer_address() const {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (::getpeername(fd.get(), reinterpret_cast<sockaddr*>(&name), &size) != 0) return {};
  if (name.ss_family == AF_UNIX) return "unix";
  const void* address =
      name.ss_family == AF_INET6
          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(&name)->sin6_addr)
          : &reinterpret_cast<const sockaddr_in*>(&name)->sin_addr;
  std::array<char, INET6_ADDRSTRLEN> text{};
  return ::inet_ntop(name.ss_family, address, text.data(), text.size()) ? text.data() : "";
}

}  // namespace mlops
