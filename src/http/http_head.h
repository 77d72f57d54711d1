#pragma once
// The head of an HTTP/1 request: a pure function from its bytes to what this server needs to know.
// Strict where leniency lets two parsers disagree about where a request ends.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mlops {

enum class HttpMethod : std::uint8_t { get, head, post, put, delete_, other };

// Why a request is refused before it reaches a handler. The text is for the client.
struct HttpRefusal {
  int status = 0;  // 0: not refused
  std::string_view text;

  explicit operator bool() const { return status != 0; }
};

// All views point into the bytes that were parsed.
struct HttpHead {
  HttpMethod method = HttpMethod::other;
  std::string_view path;  // as sent: percent-encoded, without the query
  bool http_1_0 = false;
  bool keep_alive = true;
  bool chunked = false;
  bool expects_continue = false;
  std::optional<std::uint64_t> content_length;  // ignored when chunked
  std::optional<std::string_view> inference_header_length;
  std::string_view content_encoding;  // empty: identity
  std::string_view accept_encoding;
  std::string_view traceparent;  // W3C Trace Context, as sent
  std::string_view tracestate;
  std::string_view authorization;
  std::string_view fields;  // all header lines, for take_http_field()
};

inline constexpr std::size_t kHttpHeadersMax = 100;

// `bytes` is the whole head, from the request line to the empty line, both included.
HttpRefusal parse_http_head(std::string_view bytes, HttpHead& head);

// Takes the next header line from `fields`, of a head that was parsed; false when none is left.
bool take_http_field(std::string_view& fields, std::string_view& name, std::string_view& value);

}  // namespace mlops
