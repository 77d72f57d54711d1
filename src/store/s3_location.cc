#include "store/s3_location.h"

#include <algorithm>

namespace mlops {
namespace {

constexpr std::string_view kScheme = "s3://";

Status wrong(std::string_view text, const std::string& what) {
  return Status::invalid_argument("'" + std::string(text) + "': " + what +
                                  "; expected s3://BUCKET/PREFIX or s3://HOST:PORT/BUCKET/PREFIX");
}

bool is_bucket(std::string_view name) {
  return name.size() >= 3 && name.size() <= 63 && std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
         });
}

bool is_prefix(std::string_view text) {
  if (text.size() > 512 || text.starts_with('/') || text.find("//") != text.npos) return false;
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 127 && c != '\\'; });
}

// What stands before the first slash, which goes too.
std::string_view take_segment(std::string_view& text) {
  const std::string_view segment = text.substr(0, text.find('/'));
  text.remove_prefix(std::min(segment.size() + 1, text.size()));
  return segment;
}

}  // namespace

bool is_s3_location(std::string_view text) { return text.starts_with(kScheme); }

Result<S3Location> parse_s3_location(std::string_view text, std::string_view endpoint,
                                     std::string_view region) {
  if (!is_s3_location(text)) return wrong(text, "it does not begin with s3://");
  std::string_view rest = text.substr(kScheme.size());
  const bool tls = rest.starts_with("https://");
  const bool plain = rest.starts_with("http://");
  if (tls || plain) rest.remove_prefix(tls ? 8 : 7);
  const std::string_view first = rest.substr(0, rest.find('/'));
  std::string url;
  if (tls || plain || first.find(':') != first.npos) {
    url = (tls ? "https://" : "http://") + std::string(take_segment(rest));
  } else if (!endpoint.empty()) {
    url = endpoint;
  } else {
    url = "https://s3." + std::string(region) + ".amazonaws.com";
  }
  Result<Url> server = parse_url(url);
  if (!server.ok()) return wrong(text, server.status().message());
  S3Location location;
  location.server = *std::move(server);
  location.bucket = take_segment(rest);
  if (!is_bucket(location.bucket)) return wrong(text, "that is no name of a bucket");
  while (rest.ends_with('/')) rest.remove_suffix(1);
  if (!is_prefix(rest)) return wrong(text, "that is no prefix of keys");
  location.prefix = rest.empty() ? std::string() : std::string(rest) + "/";
  return location;
}

}  // namespace mlops
