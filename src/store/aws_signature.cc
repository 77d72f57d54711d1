#include "store/aws_signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace mlops {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
using Headers = std::vector<std::pair<std::string, std::string>>;

std::string hex_of(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

std::string hmac(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  ::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data(), &size);
  return {reinterpret_cast<const char*>(out.data()), size};
}

std::string utc(long long unix_seconds, const char* format) {
  const auto time = static_cast<std::time_t>(unix_seconds);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), format, &parts)};
}

std::string canonical_request(const AwsRequest& request, const Headers& headers,
                              const std::string& names, const std::string& payload) {
  std::string text = request.method + "\n" + request.path + "\n";
  for (std::size_t i = 0; i < request.query.size(); ++i) {
    if (i > 0) text += "&";
    text += request.query[i].first + "=" + request.query[i].second;
  }
  text += "\n";
  for (const auto& [name, value] : headers) text += name + ":" + value + "\n";
  return text + "\n" + names + "\n" + payload;
}

}  // namespace

std::string sha256_hex(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  ::EVP_Digest(bytes.data(), bytes.size(), out.data(), &size, ::EVP_sha256(), nullptr);
  return hex_of({reinterpret_cast<const char*>(out.data()), size});
}

std::string aws_encode(std::string_view text, bool path) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || (path && c == '/');
    if (plain) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

Headers sign_aws_request(const AwsRequest& request, const AwsCredentials& credentials,
                         std::string_view region, long long unix_seconds) {
  if (credentials.key_id.empty()) return {};
  const std::string payload = sha256_hex("");
  const std::string time = utc(unix_seconds, "%Y%m%dT%H%M%SZ");
  const std::string date = time.substr(0, 8);
  Headers added = {{"x-amz-content-sha256", payload}, {"x-amz-date", time}};
  if (!credentials.session_token.empty()) {
    added.emplace_back("x-amz-security-token", credentials.session_token);
  }
  Headers headers = request.headers;
  headers.emplace_back("host", request.host);
  headers.insert(headers.end(), added.begin(), added.end());
  std::ranges::sort(headers);
  std::string names;
  for (const auto& [name, value] : headers) names += (names.empty() ? "" : ";") + name;

  const std::string scope = date + "/" + std::string(region) + "/s3/aws4_request";
  const std::string to_sign = std::string(kAlgorithm) + "\n" + time + "\n" + scope + "\n" +
                              sha256_hex(canonical_request(request, headers, names, payload));
  std::string key = hmac("AWS4" + credentials.secret, date);
  for (const std::string_view part :
       {region, std::string_view("s3"), std::string_view("aws4_request")}) {
    key = hmac(key, part);
  }
  added.emplace_back("Authorization",
                     std::string(kAlgorithm) + " Credential=" + credentials.key_id + "/" + scope +
                         ",SignedHeaders=" + names + ",Signature=" + hex_of(hmac(key, to_sign)));
  return added;
}

}  // namespace mlops
