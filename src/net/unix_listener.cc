#include "net/unix_listener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

namespace mlops {
namespace {

constexpr int kAdminBacklog = 64;

Status wrong(const std::string& path, const std::string& why) {
  return Status::unavailable("cannot listen on the socket '" + path + "': " + why);
}

bool is_stale(const std::string& path, const sockaddr_un& address) {
  struct stat facts {};
  if (::lstat(path.c_str(), &facts) != 0 || !S_ISSOCK(facts.st_mode)) return false;
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
         errno == ECONNREFUSED;
}

}  // namespace

Result<UnixListener> UnixListener::open(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return wrong(path, "the path is too long");
  std::memcpy(address.sun_path, path.data(), path.size());
  if (is_stale(path, address)) ::unlink(path.c_str());
  UnixListener made;
  made.socket_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const auto* name = reinterpret_cast<const sockaddr*>(&address);
  // The mode counts from the first moment: before bind() nobody can connect, after it only we.
  const mode_t before = ::umask(0177);
  const bool bound = made.socket_ && ::bind(made.socket_.get(), name, sizeof address) == 0;
  const int code = errno;
  ::umask(before);
  if (!bound) return wrong(path, std::strerror(code));
  made.path_ = path;
  if (::listen(made.socket_.get(), kAdminBacklog) != 0) return wrong(path, std::strerror(errno));
  return made;
}

UnixListener::~UnixListener() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

}  // namespace mlops
