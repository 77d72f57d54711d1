#include "client/url.h"

#include <algorithm>
#include <charconv>

namespace mlops {
namespace {

constexpr std::size_t kUrlBytesMax = 4096;

Status wrong(std::string_view what) {
  return Status::invalid_argument(std::string(what) + "; expected http://HOST[:PORT][/PATH]");
}

bool is_host(std::string_view host, bool bracketed) {
  return !host.empty() && std::ranges::all_of(host, [bracketed](char c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
           (bracketed && c == ':');
  });
}

Status read_port(std::string_view text, std::uint16_t& port) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || stop != text.data() + text.size() || port == 0) {
    return wrong("the port is not a number from 1 to 65535");
  }
  return {};
}

}  // namespace

std::string Url::authority() const {
  const bool bracketed = host.find(':') != host.npos;
  const std::string name = bracketed ? "[" + host + "]" : host;
  return port == (tls ? 443 : 80) ? name : name + ":" + std::to_string(port);
}

Result<Url> parse_url(std::string_view text) {
  if (text.size() > kUrlBytesMax) return wrong("the URL is too long");
  if (!std::ranges::all_of(text, [](char c) { return c > ' ' && c < 127; })) {
    return wrong("the URL has a character that must be percent-encoded");
  }
  Url url;
  url.tls = text.starts_with("https://");
  if (!url.tls && !text.starts_with("http://")) return wrong("the URL is not http or https");
  text.remove_prefix(url.tls ? 8 : 7);
  url.port = url.tls ? 443 : 80;
  const std::size_t end = std::min(text.find_first_of("/?#"), text.size());
  std::string_view authority = text.substr(0, end);
  text.remove_prefix(end);
  if (text.find('#') != text.npos) return wrong("the URL has a fragment");
  if (authority.find('@') != authority.npos) return wrong("the URL has a user");
  const bool bracketed = authority.starts_with('[');
  const std::size_t close = bracketed ? authority.find(']') : 0;
  if (close == authority.npos) return wrong("the host has no closing bracket");
  const std::size_t colon = authority.find(':', close);
  if (colon != authority.npos) {
    if (Status s = read_port(authority.substr(colon + 1), url.port); !s.ok()) return s;
    authority = authority.substr(0, colon);
  }
  if (bracketed && authority.size() != close + 1) return wrong("the host is malformed");
  if (bracketed) authority = authority.substr(1, close - 1);
  if (!is_host(authority, bracketed)) return wrong("the host is malformed");
  url.host = authority;
  if (!text.empty()) url.target = text.front() == '/' ? std::string(text) : "/" + std::string(text);
  return url;
}

}  // namespace mlops
