// Command lines of tritonserver: names for what has another one here, and flags of what it is made
// of, which change nothing and are accepted so that a command line need not be rewritten first. A
// flag that would change what clients see is not among them: it is an error.

#include "config.h"
#include "config_flag.h"

namespace mlops {
namespace {

constexpr Flag kTritonFlags[] = {
    {"--allow-http", "true|false", "false: as --http-port=-1",
     [](ServerConfig& c, std::string_view v) { return set_flag(c.allow_http, v); }},
    {"--allow-grpc", "true|false", "false: as --grpc-port=-1",
     [](ServerConfig& c, std::string_view v) { return set_flag(c.allow_grpc, v); }},
    {"--allow-metrics", "true|false", "false: as --metrics-port=-1",
     [](ServerConfig& c, std::string_view v) { return set_flag(c.allow_metrics, v); }},
    {"--http-address", "ADDRESS", "where the HTTP port listens (default: --host)",
     [](ServerConfig& c, std::string_view v) {
       c.http_address = v;
       return Status();
     }},
    {"--grpc-address", "ADDRESS", "where the gRPC port listens (default: --host)",
     [](ServerConfig& c, std::string_view v) {
       c.grpc_address = v;
       return Status();
     }},
    {"--metrics-address", "ADDRESS", "where the metrics port listens (default: --http-address)",
     [](ServerConfig& c, std::string_view v) {
       c.metrics_address = v;
       return Status();
     }},
    {"--exit-timeout-secs", "SECONDS", "the same as --exit-timeout-s",
     [](ServerConfig& c, std::string_view v) {
       return set_number(c.exit_timeout_s, v, 0U, 86'400U);
     }},
    {"--id", "NAME", "the same as --compat-server-name",
     [](ServerConfig& c, std::string_view v) {
       c.server_name = v;
       return Status();
     }},
    {"--strict-readiness", "true", "ready means that every model is; there is no other readiness",
     [](ServerConfig&, std::string_view v) {
       bool strict = false;
       const Status status = set_flag(strict, v);
       return status.ok() && !strict ? not_a(v, "'true'") : status;
     }},
    // Threads and memory: see --threads, --compute-threads and what limits requests.
    {"--http-thread-count", "N", {}, nullptr},
    {"--grpc-infer-thread-count", "N", {}, nullptr},
    {"--grpc-infer-allocation-pool-size", "N", {}, nullptr},
    {"--grpc-max-response-pool-size", "N", {}, nullptr},
    {"--buffer-manager-thread-count", "N", {}, nullptr},
    {"--pinned-memory-pool-byte-size", "N", {}, nullptr},
    {"--cuda-memory-pool-byte-size", "DEVICE:N", {}, nullptr},
    {"--cuda-virtual-address-size", "DEVICE:N", {}, nullptr},
    {"--min-supported-compute-capability", "N", {}, nullptr},
    {"--enable-peer-access", "true|false", {}, nullptr},
    {"--model-load-gpu-limit", "DEVICE:N", {}, nullptr},
    {"--rate-limit", "MODE", {}, nullptr},
    {"--rate-limit-resource", "NAME:N", {}, nullptr},
    {"--host-policy", "NAME,KEY=VALUE", {}, nullptr},
    // Back ends are compiled in.
    {"--backend-directory", "DIR", {}, nullptr},
    {"--backend-config", "BACKEND,KEY=VALUE", {}, nullptr},
    {"--repoagent-directory", "DIR", {}, nullptr},
    // The page says what can be said; a scrape makes it.
    {"--allow-gpu-metrics", "true|false", {}, nullptr},
    {"--allow-cpu-metrics", "true|false", {}, nullptr},
    {"--metrics-interval-ms", "MS", {}, nullptr},
    // An address on which somebody listens is never shared.
    {"--reuse-http-port", "true|false", {}, nullptr},
    {"--reuse-grpc-port", "true|false", {}, nullptr},
    // The kernel's keepalive watches connections; who pings is answered.
    {"--grpc-keepalive-time", "MS", {}, nullptr},
    {"--grpc-keepalive-timeout", "MS", {}, nullptr},
    {"--grpc-keepalive-permit-without-calls", "true|false", {}, nullptr},
    {"--grpc-http2-max-pings-without-data", "N", {}, nullptr},
    {"--grpc-http2-min-recv-ping-interval-without-data", "MS", {}, nullptr},
    {"--grpc-http2-max-ping-strikes", "N", {}, nullptr},
    {"--grpc-max-connection-age", "MS", {}, nullptr},
    {"--grpc-max-connection-age-grace", "MS", {}, nullptr},
    // A reply is compressed when its request was.
    {"--grpc-infer-response-compression-level", "LEVEL", {}, nullptr},
};

}  // namespace

std::span<const Flag> triton_flags() { return kTritonFlags; }

}  // namespace mlops
