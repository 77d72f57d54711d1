#pragma once
// What the HTTP port serves: one table of method, pattern and handler.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "access/call_rules.h"
#include "http/http_ask.h"
#include "http/http_head.h"

namespace mlops {

struct HttpService;

enum class HttpRoute : std::uint8_t {
  server_metadata,
  server_live,
  server_ready,
  model_metadata,
  model_ready,
  model_config,
  model_statistics,
  infer,
  generate,
  generate_stream,
  repository_index,
  repository_load,
  repository_unload,
  shared_memory,
  trace_setting,
  logging,
  drift,
  response_cache,
  execution,
  feedback,
  route,
  metrics,
  unknown,    // no such path, or not with this method
  malformed,  // refused before it had a path
};
inline constexpr std::size_t kHttpRouteCount = 24;
std::string_view http_route_name(HttpRoute route);

// Every status this server sends; the index is what LoopStats counts under.
inline constexpr std::array kHttpStatuses = {200, 400, 401, 403, 404, 405, 408, 413, 415,
                                             417, 429, 431, 499, 500, 501, 503, 504, 505};
std::size_t http_status_index(int status);  // kHttpStatuses.size() for any other
std::string_view http_reason(int status);

struct HttpAnswer {
  int status = 200;
  std::string body;
  std::string_view content_type = "application/json";
  std::string_view allow = {};      // for 405
  std::string_view challenge = {};  // for 401
  std::uint32_t retry_after_s = 1;  // for 429 and 503
  bool compressible = false;  // tritonclient's asyncio client asks for gzip and cannot read it
};

// The variable parts of a path, still percent-encoded.
struct HttpPathParts {
  std::string_view model;
  std::string_view version;  // decimal digits, or empty
  std::string_view region;
};

// Null for the routes that answer through the engine: infer, generate, generate_stream.
using HttpHandler = HttpAnswer (*)(const HttpService& service, const HttpAsk& ask);

// Where a handler runs: on the event loop, or, because it blocks, aside (net/errand.h).
enum class HttpRuns : std::uint8_t { here, aside };

struct HttpRouteEntry {
  HttpMethod method;
  std::string_view pattern;  // "{m}" and "{r}" are any one segment, "{v}" one of digits
  HttpRoute route;
  CallOf call;
  HttpHandler handler;
  HttpRuns runs = HttpRuns::here;
};

// The tables of the two ports, made in handlers.cc.
std::span<const HttpRouteEntry> inference_routes();
std::span<const HttpRouteEntry> metrics_routes();

struct HttpRouteMatch {
  const HttpRouteEntry* entry = nullptr;  // null: 404, or 405 when `allow` says what would do
  HttpPathParts parts;
  std::string_view allow;
};
HttpRouteMatch match_route(std::span<const HttpRouteEntry> table, HttpMethod method,
                           std::string_view path);

// "%41b" becomes "Ab". False when an escape is malformed or stands for NUL.
bool percent_decode(std::string_view text, std::string& out);

}  // namespace mlops
