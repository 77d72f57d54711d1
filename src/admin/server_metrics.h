#pragma once
// The server's own part of the Prometheus page: connections, requests by route and status, bytes,
// and the process. The engine's part is metrics_text() of engine/engine.h. Text format 0.0.4.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/loop_stats.h"

namespace mlops {

// How one transport's request table is to be read.
struct RequestTable {
  std::string_view protocol;  // "http"
  LoopStats::Requests LoopStats::*requests;
  std::size_t routes = 0;
  std::size_t statuses = 0;
  std::string (*route_name)(std::size_t route);
  std::string (*status_name)(std::size_t status);
};

std::string server_metrics_text(std::span<const LoopStats* const> loops,
                                std::span<const RequestTable> tables);
// process_* as Prometheus clients name them; what cannot be read is left out.
std::string process_metrics_text();

}  // namespace mlops
