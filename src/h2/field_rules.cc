#include "h2/field_rules.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace mlops {
namespace {

const std::uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

bool is_name(std::string_view name) {  // lower case, tokens only
  return nghttp2_check_header_name(bytes_of(name), name.size()) != 0;
}

// Without control characters. White space around a value, which the RFC forbids, is let through:
// clients of gRPC send metadata as their users wrote it.
bool is_value(std::string_view value) {
  return nghttp2_check_header_value(bytes_of(value), value.size()) != 0;
}

bool is_of_the_connection(std::string_view name) {
  constexpr std::array<std::string_view, 5> kNames = {
      "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"};
  return std::ranges::find(kNames, name) != kNames.end();
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  return std::ranges::equal(text, lower, [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
  });
}

}  // namespace

void FieldRules::field(std::string_view name, std::string_view value) {
  if (malformed_) return;
  const bool fits = !name.empty() && name[0] == ':' ? pseudo(name, value) : regular(name, value);
  malformed_ = !fits;
}

bool FieldRules::pseudo(std::string_view name, std::string_view value) {
  if (of_ == Of::trailers || regular_seen_) return false;
  if (name == ":path") {
    path_rooted_ = value.starts_with('/');
    path_is_star_ = value == "*";
    return !std::exchange(path_, true) && !value.empty() &&
           nghttp2_check_path(bytes_of(value), value.size()) != 0;
  }
  if (name == ":method") {
    connect_ = value == "CONNECT";
    options_ = value == "OPTIONS";
    return !std::exchange(method_, true) &&
           nghttp2_check_method(bytes_of(value), value.size()) != 0;
  }
  if (name == ":scheme") {
    http_ = equals_ignoring_case(value, "http") || equals_ignoring_case(value, "https");
    return !std::exchange(scheme_, true) && !value.empty() && is_value(value);
  }
  if (name == ":authority") {
    return !std::exchange(authority_, true) &&
           nghttp2_check_authority(bytes_of(value), value.size()) != 0;
  }
  return false;
}

bool FieldRules::regular(std::string_view name, std::string_view value) {
  regular_seen_ = true;
  if (!is_name(name) || !is_value(value) || is_of_the_connection(name)) return false;
  if (name == "te") return equals_ignoring_case(value, "trailers");
  host_ |= name == "host";
  if (name == "content-length") {
    std::uint64_t length = 0;
    const char* end = value.data() + value.size();
    const auto [at, error] = std::from_chars(value.data(), end, length);
    if (of_ == Of::trailers || content_length_ || error != std::errc() || at != end) return false;
    content_length_ = length;
  }
  return true;
}

bool FieldRules::path_fits() const { return !http_ || path_rooted_ || (options_ && path_is_star_); }

bool FieldRules::complete() const {
  if (malformed_) return false;
  if (of_ == Of::trailers) return true;
  if (!method_) return false;
  if (connect_) return authority_ && !scheme_ && !path_;
  return scheme_ && path_ && path_fits() && (!http_ || authority_ || host_);
}

}  // namespace mlops
