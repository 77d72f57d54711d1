#include "http/http_head.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace mlops {
namespace {

constexpr HttpRefusal kBadRequestLine{400, "malformed request line"};
constexpr HttpRefusal kBadHeader{400, "malformed header line"};

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool equal_ignoring_case(std::string_view a, std::string_view lower_b) {
  return a.size() == lower_b.size() && std::equal(a.begin(), a.end(), lower_b.begin(),
                                                  [](char x, char y) { return lower(x) == y; });
}

// RFC 9110 token characters.
constexpr std::array<bool, 256> token_table() {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~"))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr std::array<bool, 256> kToken = token_table();

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return kToken[static_cast<unsigned char>(c)]; });
}

// No control characters but tab: a stray CR, LF or NUL would mean something else to another parser.
bool is_field_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

template <class Visit>
void for_each_item(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    visit(trim(list.substr(0, comma)));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

HttpMethod method_of(std::string_view text) {
  if (text == "POST") return HttpMethod::post;
  if (text == "GET") return HttpMethod::get;
  if (text == "PUT") return HttpMethod::put;
  if (text == "DELETE") return HttpMethod::delete_;
  return text == "HEAD" ? HttpMethod::head : HttpMethod::other;
}

HttpRefusal parse_target(std::string_view target, HttpHead& head) {
  const auto printable = [](char c) { return c > 0x20 && c < 0x7f; };
  if (target.empty() || !std::all_of(target.begin(), target.end(), printable)) {
    return kBadRequestLine;
  }
  if (target.front() !=
      '/') {  // absolute form, as sent to proxies; "*" and authorities have no route
    const std::size_t scheme = target.find("://");
    const std::size_t slash = scheme == target.npos ? target.npos : target.find('/', scheme + 3);
    target = slash == target.npos ? std::string_view("*") : target.substr(slash);
  }
  head.path = target.substr(0, target.find_first_of("?#"));
  return {};
}

HttpRefusal parse_request_line(std::string_view line, HttpHead& head) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == line.npos || first == last) return kBadRequestLine;
  const std::string_view method = line.substr(0, first);
  const std::string_view version = line.substr(last + 1);
  if (!is_token(method)) return kBadRequestLine;
  if (version.size() != 8 || version.substr(0, 5) != "HTTP/") return kBadRequestLine;
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return {505, "only HTTP/1.0 and HTTP/1.1 are served here; gRPC has its own port"};
  }
  head.method = method_of(method);
  head.http_1_0 = version.back() == '0';
  head.keep_alive = !head.http_1_0;
  return parse_target(line.substr(first + 1, last - first - 1), head);
}

HttpRefusal parse_content_length(std::string_view value, HttpHead& head) {
  std::uint64_t length = 0;
  const char* end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, length);
  if (error == std::errc::result_out_of_range) return {413, "Content-Length is out of range"};
  if (value.empty() || error != std::errc() || stop != end)
    return {400, "malformed Content-Length"};
  if (head.content_length && *head.content_length != length) {
    return {400, "conflicting Content-Length headers"};
  }
  head.content_length = length;
  return {};
}

void parse_connection(std::string_view value, HttpHead& head) {
  for_each_item(value, [&head](std::string_view item) {
    if (equal_ignoring_case(item, "close")) head.keep_alive = false;
    if (equal_ignoring_case(item, "keep-alive") && head.http_1_0) head.keep_alive = true;
  });
}

struct HeaderFlags {
  bool host = false;
  bool authorization = false;
};

HttpRefusal parse_header(std::string_view name, std::string_view value, HeaderFlags& flags,
                         HttpHead& head) {
  switch (name.size()) {
    case 4:
      if (!equal_ignoring_case(name, "host")) break;
      if (flags.host) return {400, "more than one Host header"};
      flags.host = true;
      break;
    case 6:
      if (!equal_ignoring_case(name, "expect")) break;
      if (!equal_ignoring_case(value, "100-continue")) return {417, "unknown expectation"};
      head.expects_continue = !head.http_1_0;
      break;
    case 10:
      if (equal_ignoring_case(name, "connection")) parse_connection(value, head);
      if (equal_ignoring_case(name, "tracestate")) head.tracestate = value;
      break;
    case 11:
      // Two of them contradict each other: the context is unknown, which is no error of the
      // request.
      if (!equal_ignoring_case(name, "traceparent")) break;
      head.traceparent = head.traceparent.empty() ? value : std::string_view("-");
      break;
    case 13:
      if (!equal_ignoring_case(name, "authorization")) break;
      if (flags.authorization) return {400, "more than one Authorization header"};
      flags.authorization = true;
      head.authorization = value;
      break;
    case 14:
      if (equal_ignoring_case(name, "content-length")) return parse_content_length(value, head);
      break;
    case 15:
      if (equal_ignoring_case(name, "accept-encoding")) head.accept_encoding = value;
      break;
    case 16:
      if (equal_ignoring_case(name, "content-encoding") &&
          !equal_ignoring_case(value, "identity")) {
        head.content_encoding = value;
      }
      break;
    case 17:
      if (!equal_ignoring_case(name, "transfer-encoding")) break;
      if (head.chunked) return {400, "more than one Transfer-Encoding header"};
      if (!equal_ignoring_case(value, "chunked")) {
        return {501, "the only transfer encoding served is 'chunked'"};
      }
      head.chunked = true;
      break;
    case 31:
      if (!equal_ignoring_case(name, "inference-header-content-length")) break;
      if (head.inference_header_length) {
        return {400, "more than one Inference-Header-Content-Length header"};
      }
      head.inference_header_length = value;
      break;
    default:
      break;
  }
  return {};
}

HttpRefusal check_framing(const HeaderFlags& flags, HttpHead& head) {
  if (!head.http_1_0 && !flags.host) return {400, "the Host header is missing"};
  if (!head.chunked) return {};
  if (head.http_1_0) return {400, "Transfer-Encoding needs HTTP/1.1"};
  // Both lengths: the chunks say where the body ends (RFC 9112, 6.3). Somebody between us and the
  // client may have believed the other one, so nothing after this request on the connection is
  // read.
  if (head.content_length) head.keep_alive = false;
  head.content_length.reset();
  return {};
}

}  // namespace

HttpRefusal parse_http_head(std::string_view bytes, HttpHead& head) {
  head = HttpHead{};
  HeaderFlags flags;
  std::size_t lines = 0;
  std::string_view fields;
  while (true) {
    const std::size_t end = bytes.find('\n');
    if (end == bytes.npos || end == 0 || bytes[end - 1] != '\r') {
      return lines == 0 ? kBadRequestLine : kBadHeader;
    }
    const std::string_view line = bytes.substr(0, end - 1);
    bytes.remove_prefix(end + 1);
    if (lines == 0) {
      if (const HttpRefusal refusal = parse_request_line(line, head)) return refusal;
      fields = bytes;
    } else if (line.empty()) {
      if (!bytes.empty()) return kBadHeader;
      head.fields = fields.substr(0, fields.size() - 2);  // without the empty line
      return check_framing(flags, head);
    } else {
      if (lines > kHttpHeadersMax) return {431, "too many headers"};
      const std::size_t colon = line.find(':');
      if (colon == line.npos || !is_token(line.substr(0, colon))) return kBadHeader;
      const std::string_view value = trim(line.substr(colon + 1));
      if (!is_field_value(value)) return kBadHeader;
      if (const HttpRefusal refusal = parse_header(line.substr(0, colon), value, flags, head)) {
        return refusal;
      }
    }
    ++lines;
  }
}

bool take_http_field(std::string_view& fields, std::string_view& name, std::string_view& value) {
  if (fields.empty()) return false;
  const std::string_view line = fields.substr(0, fields.find("\r\n"));
  fields.remove_prefix(line.size() + 2);
  const std::size_t colon = line.find(':');
  name = line.substr(0, colon);
  value = trim(line.substr(colon + 1));
  return true;
}

}  // namespace mlops
