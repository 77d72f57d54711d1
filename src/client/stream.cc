#include "client/stream.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace mlops {
namespace {

Status unreachable(const Url& url, const std::string& why) {
  return Status::unavailable("cannot reach " + url.authority() + ": " + why);
}

std::string error_text(int code) { return std::error_code(code, std::system_category()).message(); }

std::string tls_error_text() {
  const unsigned long code = ::ERR_get_error();
  ::ERR_clear_error();
  const char* reason = ::ERR_reason_error_string(code);
  return reason ? reason : "the connection ended";
}

// Made once: reading the system's authorities takes milliseconds.
SSL_CTX* tls_context() {
  static SSL_CTX* const context = [] {
    SSL_CTX* made = ::SSL_CTX_new(::TLS_client_method());
    if (!made) return made;
    ::SSL_CTX_set_min_proto_version(made, TLS1_2_VERSION);
    ::SSL_CTX_set_default_verify_paths(made);
    ::SSL_CTX_set_verify(made, SSL_VERIFY_PEER, nullptr);
    ::SSL_CTX_set_mode(made, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return made;
  }();
  return context;
}

}  // namespace

Interrupt::Interrupt() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void Interrupt::raise() noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event_.get(), &one, sizeof one);
}

ClientStream::ClientStream(Fd socket, const Interrupt& interrupt)
    : socket_(std::move(socket)), interrupt_(interrupt), tls_(nullptr, ::SSL_free) {}

ClientStream::~ClientStream() {
  if (tls_) ::SSL_shutdown(tls_.get());
}

Status ClientStream::wait(short events, TimePoint deadline) {
  while (true) {
    std::array<pollfd, 2> fds = {{{socket_.get(), events, 0}, {interrupt_.fd(), POLLIN, 0}}};
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return Status::deadline_exceeded("no answer in time");
    const int ready =
        ::poll(fds.data(), fds.size(), static_cast<int>(std::min<long>(left.count(), 60'000)));
    if (ready < 0 && errno != EINTR) return Status::unavailable(error_text(errno));
    if (fds[1].revents != 0) return Status::cancelled("interrupted");
    if (ready > 0 && fds[0].revents != 0) return {};
  }
}

Result<std::unique_ptr<ClientStream>> ClientStream::open(const Url& url, const Interrupt& interrupt,
                                                         TimePoint deadline) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(url.port);
  if (const int code = ::getaddrinfo(url.host.c_str(), port.c_str(), &hints, &found); code != 0) {
    return unreachable(url, ::gai_strerror(code));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, ::freeaddrinfo);
  Status last = unreachable(url, "it has no address");
  for (const addrinfo* address = found; address; address = address->ai_next) {
    Fd socket(::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) return unreachable(url, error_text(errno));
    const int one = 1;
    (void)::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    const int began = ::connect(socket.get(), address->ai_addr, address->ai_addrlen);
    int code = began == 0 ? 0 : errno;
    std::unique_ptr<ClientStream> stream(new ClientStream(std::move(socket), interrupt));
    if (code == EINPROGRESS) {
      last = stream->wait(POLLOUT, deadline);
      if (!last.ok())
        return last.code() == Code::cancelled ? last : unreachable(url, last.message());
      socklen_t size = sizeof code;
      (void)::getsockopt(stream->socket_.get(), SOL_SOCKET, SO_ERROR, &code, &size);
    }
    if (code == 0) {
      if (url.tls) last = stream->start_tls(url.host, deadline);
      if (url.tls && !last.ok()) return unreachable(url, last.message());
      return stream;
    }
    last = unreachable(url, error_text(code));
  }
  return last;
}

Status ClientStream::start_tls(const std::string& host, TimePoint deadline) {
  SSL_CTX* const context = tls_context();
  if (context) tls_.reset(::SSL_new(context));
  if (!tls_) return Status::unavailable(tls_error_text());
  ::SSL_set_tlsext_host_name(tls_.get(), host.c_str());
  in6_addr address{};
  const bool literal = ::inet_pton(AF_INET, host.c_str(), &address) == 1 ||
                       ::inet_pton(AF_INET6, host.c_str(), &address) == 1;
  const int set = literal
                      ? ::X509_VERIFY_PARAM_set1_ip_asc(::SSL_get0_param(tls_.get()), host.c_str())
                      : ::SSL_set1_host(tls_.get(), host.c_str());
  if (set != 1 || ::SSL_set_fd(tls_.get(), socket_.get()) != 1) {
    return Status::unavailable(tls_error_text());
  }
  while (true) {
    const int result = ::SSL_connect(tls_.get());
    if (result == 1) return {};
    if (Status s = tls_step(result, deadline, "TLS handshake failed: "); !s.ok()) return s;
  }
}

// OK: the socket is ready for the next try.
Status ClientStream::tls_step(int result, TimePoint deadline, std::string_view what) {
  const int error = ::SSL_get_error(tls_.get(), result);
  if (error == SSL_ERROR_WANT_READ) return wait(POLLIN, deadline);
  if (error == SSL_ERROR_WANT_WRITE) return wait(POLLOUT, deadline);
  const long verified = ::SSL_get_verify_result(tls_.get());
  const std::string why =
      verified == X509_V_OK ? tls_error_text() : ::X509_verify_cert_error_string(verified);
  tls_.reset();  // no farewell on a broken connection
  return Status::unavailable(std::string(what) + why);
}

Status ClientStream::write(std::string_view bytes, TimePoint deadline) {
  while (!bytes.empty()) {
    if (tls_) {
      const int sent = ::SSL_write(tls_.get(), bytes.data(),
                                   static_cast<int>(std::min<std::size_t>(bytes.size(), 1 << 30)));
      if (sent > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(sent));
      } else if (Status s = tls_step(sent, deadline, "TLS write failed: "); !s.ok()) {
        return s;
      }
      continue;
    }
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (sent < 0 && errno == EAGAIN) {
      if (Status s = wait(POLLOUT, deadline); !s.ok()) return s;
    } else if (sent < 0 && errno != EINTR) {
      return Status::unavailable(error_text(errno));
    }
  }
  return {};
}

Result<std::size_t> ClientStream::read(std::span<char> space, TimePoint deadline) {
  while (true) {
    if (tls_) {
      const int size = static_cast<int>(std::min<std::size_t>(space.size(), 1 << 30));
      const int got = ::SSL_read(tls_.get(), space.data(), size);
      if (got > 0) return static_cast<std::size_t>(got);
      if (::SSL_get_error(tls_.get(), got) == SSL_ERROR_ZERO_RETURN) return std::size_t{0};
      if (Status s = tls_step(got, deadline, "TLS read failed: "); !s.ok()) return s;
      continue;
    }
    const ssize_t got = ::recv(socket_.get(), space.data(), space.size(), 0);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno == EAGAIN) {
      if (Status s = wait(POLLIN, deadline); !s.ok()) return s;
    } else if (errno != EINTR) {
      return Status::unavailable(error_text(errno));
    }
  }
}

}  // namespace mlops
