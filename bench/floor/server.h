// The floor server: one thread, one epoll, loopback only, an HTTP and a gRPC listener.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "floor/session.h"

namespace mlops::floor {

class Server {
 public:
  Server();
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Binds both listeners on 127.0.0.1; port 0 picks a free one. An empty string, or why not.
  std::string listen(std::uint16_t http_port, std::uint16_t grpc_port);
  std::uint16_t http_port() const { return http_port_; }
  std::uint16_t grpc_port() const { return grpc_port_; }

  void run();   // until stop()
  void stop();  // from any thread, or from a signal handler

 private:
  struct Peer {
    std::unique_ptr<Session> session;
    std::string out;
    std::size_t sent = 0;
    bool watches_writes = false;
  };

  void accept_all(int listener);
  void serve(int fd);
  bool flush(int fd, Peer& peer);
  void drop(int fd);

  int epoll_;
  int wake_;
  int http_listener_ = -1;
  int grpc_listener_ = -1;
  std::uint16_t http_port_ = 0;
  std::uint16_t grpc_port_ = 0;
  std::unordered_map<int, Peer> peers_;
};

}  // namespace mlops::floor
