#include "config_limits.h"

#include "config.h"
#include "config_flag.h"

namespace mlops {
namespace {

constexpr std::uint64_t kDayMs = 86'400'000;
constexpr std::size_t kConnectionsMost = std::size_t{1} << 20;

template <auto Field, std::uint64_t kLeast, std::uint64_t kMost>
Status set(ServerConfig& config, std::string_view text) {
  auto& field = config.limits.*Field;
  using Number = std::remove_reference_t<decltype(field)>;
  return set_number(field, text, Number{kLeast}, Number{kMost});
}

template <auto Field>
constexpr auto set_connections = set<Field, 1, kConnectionsMost>;
template <auto Field>
constexpr auto set_time = set<Field, 1, kDayMs>;

constexpr Variable kLimitVariables[] = {
    {"MLOPS_CONNECTIONS_MAX", set_connections<&ConnectionLimits::connections_max>},
    {"MLOPS_HTTP_CONNECTIONS_MAX", set_connections<&ConnectionLimits::http_connections_max>},
    {"MLOPS_GRPC_CONNECTIONS_MAX", set_connections<&ConnectionLimits::grpc_connections_max>},
    {"MLOPS_METRICS_CONNECTIONS_MAX", set_connections<&ConnectionLimits::metrics_connections_max>},
    {"MLOPS_ADMIN_CONNECTIONS_MAX", set_connections<&ConnectionLimits::admin_connections_max>},
    // Below 1 KiB the headers of ordinary clients do not fit.
    {"MLOPS_HEADER_BYTES_MAX", set<&ConnectionLimits::header_bytes_max, 1024, 1U << 20>},
    {"MLOPS_RECEIVE_TIMEOUT_MS", set_time<&ConnectionLimits::receive_timeout_ms>},
    {"MLOPS_HEADER_TIMEOUT_MS", set_time<&ConnectionLimits::header_timeout_ms>},
    {"MLOPS_BODY_TIMEOUT_MS", set_time<&ConnectionLimits::body_timeout_ms>},
    {"MLOPS_IDLE_TIMEOUT_MS", set_time<&ConnectionLimits::idle_timeout_ms>},
    {"MLOPS_GRPC_IDLE_TIMEOUT_MS", set_time<&ConnectionLimits::grpc_idle_timeout_ms>},
};

}  // namespace

std::span<const Variable> limit_variables() { return kLimitVariables; }

std::vector<std::pair<std::string, std::string>> describe(const ConnectionLimits& limits) {
  const auto port = [&limits](std::size_t own) {
    return std::to_string(own == 0 ? limits.connections_max : own);
  };
  return {
      {"connections-max", std::to_string(limits.connections_max)},
      {"http-connections-max", port(limits.http_connections_max)},
      {"grpc-connections-max", port(limits.grpc_connections_max)},
      {"metrics-connections-max", std::to_string(limits.metrics_connections_max)},
      {"admin-connections-max", std::to_string(limits.admin_connections_max)},
      {"header-bytes-max", std::to_string(limits.header_bytes_max)},
      {"header-timeout-ms", std::to_string(limits.header_ms())},
      {"body-timeout-ms", std::to_string(limits.body_ms())},
      {"idle-timeout-ms", std::to_string(limits.idle_timeout_ms)},
      {"grpc-idle-timeout-ms", std::to_string(limits.grpc_idle_timeout_ms)},
  };
}

}  // namespace mlops
