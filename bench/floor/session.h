// One accepted connection of the floor server, without its socket: bytes in, bytes out.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace mlops::floor {

class Session {
 public:
  virtual ~Session() = default;
  // Takes received bytes and appends what is to be sent; false ends the connection.
  virtual bool on_bytes(std::string_view bytes, std::string& out) = 0;
};

std::unique_ptr<Session> make_http_session();
std::unique_ptr<Session> make_grpc_session();

}  // namespace mlops::floor
