#pragma once
// What one event loop counts about itself. One writer (the loop), any reader: plain relaxed stores,
// no locked instructions. Requests are counted by the transport's own route and status numbers.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace mlops {

class LoopCounter {
 public:
  void add(std::uint64_t amount) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void subtract(std::uint64_t amount) {
    value_.store(value_.load(std::memory_order_relaxed) - amount, std::memory_order_relaxed);
  }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct alignas(64) LoopStats {
  static constexpr std::size_t kRoutes = 48;
  static constexpr std::size_t kStatuses = 24;
  using Requests = std::array<std::array<LoopCounter, kStatuses>, kRoutes>;

  LoopCounter turns;
  LoopCounter polls;             // turns that busy polling kept from sleeping
  LoopCounter connections_open;  // now
  LoopCounter connections_accepted;
  LoopCounter connections_refused;  // over the limit
  LoopCounter connections_timed_out;
  LoopCounter handshakes_failed;  // TLS
  LoopCounter accept_errors;      // no file descriptors left, and the like
  LoopCounter bytes_received;
  LoopCounter bytes_sent;
  LoopCounter completions_mailed;  // replies that came from another thread
  LoopCounter calls_abandoned;     // the client went away before its reply
  Requests http_requests;          // [HttpRoute][index of status, http/routes.h]
  Requests grpc_requests;          // [GrpcMethod][grpc status]
};

}  // namespace mlops
