#pragma once
// What all gRPC connections share. Fixed before the first connection; any loop's thread reads it.

#include <atomic>

#include "access/audit.h"
#include "access/gate.h"
#include "base/clock.h"
#include "net/errand.h"
#include "net/serving_state.h"
#include "net/session.h"
#include "protocol/decode_limits.h"
#include "protocol/grpc_cold.h"
#include "protocol/server_parts.h"
#include "tensor/slab_pool.h"

namespace mlops {

struct GrpcLimits {
  std::size_t message_bytes_max = std::size_t{64} << 20;
  std::size_t header_bytes_max = std::size_t{16} << 10;
  std::uint32_t streams_max = 1024;                  // in flight on one connection
  std::uint32_t control_frames_max = 10'000;         // pings, settings, resets between two ticks
  std::size_t out_bytes_max = std::size_t{1} << 20;  // framed but unsent
};

struct GrpcTimeouts {
  Duration header = std::chrono::seconds(30);  // for the first bytes, and for a call's header block
  Duration body = std::chrono::seconds(30);    // for a message, besides its size's share
  Duration idle = std::chrono::hours(1);       // without a call
  Duration unread = std::chrono::minutes(2);   // a streamed message that the peer has no window for
  std::size_t bytes_per_second_min = std::size_t{64} << 10;
};

struct GrpcService {
  ServerParts parts;
  const ServingState& state;
  SlabPool& bodies;  // memory for messages that arrive in pieces
  GrpcLimits limits;
  GrpcTimeouts timeouts;
  DecodeLimits decode_limits;
  ErrandRunner* errands = nullptr;  // null: methods that block run on the loop
  Gate gate{nullptr, Surface::everything};
  AuditSink* audit = nullptr;  // null: nobody is to know of administrative calls
};

class GrpcSessionFactory final : public SessionFactory {
 public:
  // `service` must outlive every session.
  explicit GrpcSessionFactory(const GrpcService& service) : service_(&service) {}
  std::unique_ptr<Session> open(Link& link) override;
  // For sessions that are opened from now on.
  void use(const GrpcService& service) { service_.store(&service, std::memory_order_release); }

 private:
  std::atomic<const GrpcService*> service_;
};

}  // namespace mlops
