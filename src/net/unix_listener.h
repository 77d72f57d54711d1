#pragma once
// A listening Unix socket that its owner alone may connect to. Its file goes with the object.

#include <string>

#include "base/status.h"
#include "net/fd.h"

namespace mlops {

class UnixListener {
 public:
  // A file that nobody listens on any more (a server that was killed) is taken over; anything else
  // at `path` is an error.
  static Result<UnixListener> open(const std::string& path);
  UnixListener() = default;
  UnixListener(UnixListener&& other) noexcept { *this = std::move(other); }
  UnixListener& operator=(UnixListener&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(socket_, other.socket_);
    return *this;
  }
  ~UnixListener();

  Fd take_socket() { return std::move(socket_); }

 private:
  std::string path_;  // empty: none
  Fd socket_;
};

}  // namespace mlops
