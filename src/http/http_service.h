#pragma once
// What all HTTP connections share. Fixed before the first connection; any loop's thread reads it.

#include <atomic>
#include <functional>
#include <span>
#include <string>

#include "access/audit.h"
#include "access/gate.h"
#include "base/clock.h"
#include "http/http1_parser.h"
#include "http/routes.h"
#include "net/errand.h"
#include "net/serving_state.h"
#include "net/session.h"
#include "protocol/decode_limits.h"
#include "protocol/server_parts.h"
#include "tensor/slab_pool.h"

namespace mlops {

struct HttpTimeouts {
  Duration idle = std::chrono::seconds(120);   // between requests
  Duration header = std::chrono::seconds(30);  // from a request's first byte
  Duration body = std::chrono::seconds(30);    // from the end of its head, besides its size's share
  std::size_t body_bytes_per_second_min = std::size_t{64} << 10;
};

struct HttpService {
  ServerParts parts;
  const ServingState& state;
  SlabPool& bodies;  // memory for request bodies that arrive in pieces
  std::span<const HttpRouteEntry> routes;
  HttpLimits limits;
  HttpTimeouts timeouts;
  DecodeLimits decode_limits;
  std::size_t pipelined_max = 64;             // requests in flight on one connection
  std::function<std::string()> metrics_page;  // for the metrics port
  ErrandRunner* errands = nullptr;            // null: routes that run aside run on the loop
  Gate gate{nullptr, Surface::everything};
  AuditSink* audit = nullptr;  // null: nobody is to know of administrative calls
};

class HttpSessionFactory final : public SessionFactory {
 public:
  // `service` must outlive every session.
  explicit HttpSessionFactory(const HttpService& service) : service_(&service) {}
  std::unique_ptr<Session> open(Link& link) override;
  // For sessions that are opened from now on.
  void use(const HttpService& service) { service_.store(&service, std::memory_order_release); }

 private:
  std::atomic<const HttpService*> service_;
};

}  // namespace mlops
