#pragma once
// How much of the server one connection may hold, and for how long: settings that few need, of the
// environment or the TOML file. docs/operations.md explains them. Pure.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace mlops {

struct ConnectionLimits {
  // Of all loops and of the ports of inference together, and of each port.
  std::size_t connections_max = 16384;
  std::size_t http_connections_max = 0;  // 0: as many as all together
  std::size_t grpc_connections_max = 0;
  std::size_t metrics_connections_max = 64;
  std::size_t admin_connections_max = 64;  // the admin port, and the admin socket

  std::size_t header_bytes_max = std::size_t{16} << 10;

  std::uint64_t receive_timeout_ms = 30'000;
  std::uint64_t header_timeout_ms = 0;  // 0: receive_timeout_ms
  std::uint64_t body_timeout_ms = 0;    // likewise
  std::uint64_t idle_timeout_ms = 120'000;
  std::uint64_t grpc_idle_timeout_ms = 3'600'000;

  std::uint64_t header_ms() const {
    return header_timeout_ms == 0 ? receive_timeout_ms : header_timeout_ms;
  }
  std::uint64_t body_ms() const {
    return body_timeout_ms == 0 ? receive_timeout_ms : body_timeout_ms;
  }
};

// "name = value" lines, for --check: what counts, not what was written.
std::vector<std::pair<std::string, std::string>> describe(const ConnectionLimits& limits);

}  // namespace mlops
