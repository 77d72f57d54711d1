#include "http/routes.h"

#include <algorithm>

#include "http/hex_digit.h"

namespace mlops {
namespace {

// The first segment of a path that starts with '/', and what follows it.
std::string_view take_segment(std::string_view& path) {
  const std::size_t end = std::min(path.find('/', 1), path.size());
  const std::string_view segment = path.substr(1, end - 1);
  path.remove_prefix(end);
  return segment;
}

bool is_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool match_pattern(std::string_view pattern, std::string_view path, HttpPathParts& parts) {
  while (!pattern.empty() && !path.empty() && path.front() == '/') {
    const std::string_view wanted = take_segment(pattern);
    const std::string_view given = take_segment(path);
    if (wanted == "{m}") {
      if (given.empty()) return false;
      parts.model = given;
    } else if (wanted == "{r}") {
      if (given.empty()) return false;
      parts.region = given;
    } else if (wanted == "{v}") {
      if (!is_digits(given)) return false;
      parts.version = given;
    } else if (wanted != given) {
      return false;
    }
  }
  return pattern.empty() && (path.empty() || path == "/");
}

// What an Allow header says; the combinations that the tables have.
std::string_view allowed_methods(unsigned methods) {
  const auto has = [methods](HttpMethod m) { return (methods >> static_cast<unsigned>(m)) & 1; };
  if (has(HttpMethod::put)) {
    return has(HttpMethod::get)
               ? has(HttpMethod::delete_) ? "GET, HEAD, PUT, DELETE" : "GET, HEAD, PUT"
               : "PUT";
  }
  if (has(HttpMethod::get)) return has(HttpMethod::post) ? "GET, HEAD, POST" : "GET, HEAD";
  return "POST";
}

}  // namespace

std::string_view http_route_name(HttpRoute route) {
  constexpr std::array<std::string_view, kHttpRouteCount> kNames = {"server_metadata",
                                                                    "server_live",
                                                                    "server_ready",
                                                                    "model_metadata",
                                                                    "model_ready",
                                                                    "model_config",
                                                                    "model_statistics",
                                                                    "infer",
                                                                    "generate",
                                                                    "generate_stream",
                                                                    "repository_index",
                                                                    "repository_load",
                                                                    "repository_unload",
                                                                    "shared_memory",
                                                                    "trace_setting",
                                                                    "logging",
                                                                    "drift",
                                                                    "response_cache",
                                                                    "execution",
                                                                    "feedback",
                                                                    "route",
                                                                    "metrics",
                                                                    "unknown",
                                                                    "malformed"};
  return kNames[static_cast<std::size_t>(route)];
}

std::size_t http_status_index(int status) {
  return static_cast<std::size_t>(std::find(kHttpStatuses.begin(), kHttpStatuses.end(), status) -
                                  kHttpStatuses.begin());
}

std::string_view http_reason(int status) {
  constexpr std::array<std::string_view, kHttpStatuses.size()> kReasons = {
      "OK",
      "Bad Request",
      "Unauthorized",
      "Forbidden",
      "Not Found",
      "Method Not Allowed",
      "Request Timeout",
      "Content Too Large",
      "Unsupported Media Type",
      "Expectation Failed",
      "Too Many Requests",
      "Request Header Fields Too Large",
      "Client Closed Request",
      "Internal Server Error",
      "Not Implemented",
      "Service Unavailable",
      "Gateway Timeout",
      "HTTP Version Not Supported"};
  const std::size_t index = http_status_index(status);
  return index < kReasons.size() ? kReasons[index] : "Unknown";
}

HttpRouteMatch match_route(std::span<const HttpRouteEntry> table, HttpMethod method,
                           std::string_view path) {
  HttpRouteMatch match;
  unsigned allowed = 0;  // bit m: method m would do
  for (const HttpRouteEntry& entry : table) {
    HttpPathParts parts;
    if (!match_pattern(entry.pattern, path, parts)) continue;
    const bool head_of_get = method == HttpMethod::head && entry.method == HttpMethod::get;
    if (entry.method == method || head_of_get) return {&entry, parts, {}};
    allowed |= 1U << static_cast<unsigned>(entry.method);
    match.allow = allowed_methods(allowed);
  }
  return match;
}

bool percent_decode(std::string_view text, std::string& out) {
  const std::size_t first = std::min(text.find('%'), text.size());
  out.assign(text.substr(0, first));
  for (std::size_t i = first; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return false;
    const int high = hex_value(text[i + 1]);
    const int low = hex_value(text[i + 2]);
    if (high < 0 || low < 0 || high + low == 0) return false;
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return true;
}

}  // namespace mlops
