#pragma once
// An HTTP server for clients under test: one thread, one connection at a time, answers from a
// function.

#include <fcntl.h>

#include <algorithm>
#include <functional>
#include <string>
#include <thread>

#include "net/fd.h"
#include "net/listener.h"
#include "support/socket_pair.h"

namespace mlops::testing {

class HttpServerDouble {
 public:
  // Takes a whole request, gives the whole reply; an empty one closes without an answer.
  using Answer = std::function<std::string(const std::string& request)>;

  explicit HttpServerDouble(Answer answer) : answer_(std::move(answer)) {
    Result<Listeners> made = listen_tcp("127.0.0.1", 0, 1);
    port_ = made->port;
    socket_ = std::move(made->sockets.front());
    const int flags = ::fcntl(socket_.get(), F_GETFL);
    ::fcntl(socket_.get(), F_SETFL, flags & ~O_NONBLOCK);
    thread_ = std::thread([this] { serve(); });
  }
  ~HttpServerDouble() {
    ::shutdown(socket_.get(), SHUT_RDWR);
    thread_.join();
  }
  std::uint16_t port() const { return port_; }
  std::string url(const std::string& target = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + target;
  }

 private:
  void serve() {
    while (true) {
      const Fd client(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client) return;
      while (answer_one(client.get())) {
      }
    }
  }

  bool answer_one(int fd) {
    std::string request;
    std::size_t wanted = std::string::npos;
    while (request.size() < wanted) {
      char part[65536];
      const ssize_t size = ::recv(fd, part, sizeof part, 0);
      if (size <= 0) return false;
      request.append(part, static_cast<std::size_t>(size));
      const std::size_t end = request.find("\r\n\r\n");
      if (end == std::string::npos) continue;
      const std::size_t length = request.find("Content-Length: ");
      wanted = end + 4 + (length < end ? std::stoul(request.substr(length + 16)) : 0);
    }
    const std::string reply = answer_(request);
    return !reply.empty() && ::send(fd, reply.data(), reply.size(), MSG_NOSIGNAL) ==
                                 static_cast<ssize_t>(reply.size());
  }

  Answer answer_;
  Fd socket_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

inline std::string http_reply(const std::string& status, const std::string& body = {},
                              const std::string& headers = {}) {
  return "HTTP/1.1 " + status + "\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace mlops::testing
