#pragma once
// AWS Signature Version 4: how an object store knows who asks. Pure, given the time.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mlops {

struct AwsCredentials {
  std::string key_id;  // empty: requests are not signed
  std::string secret;
  std::string session_token;  // of temporary credentials; empty: none
};

struct AwsRequest {
  std::string method;
  std::string host;  // as the Host header has it
  std::string path;  // percent-encoded
  // Encoded, and sorted by name.
  std::vector<std::pair<std::string, std::string>> query;
  // Names in lower case; besides host and those that signing adds.
  std::vector<std::pair<std::string, std::string>> headers;
};

// The headers to add to a request without a body. `unix_seconds`: now.
std::vector<std::pair<std::string, std::string>> sign_aws_request(const AwsRequest& request,
                                                                  const AwsCredentials& credentials,
                                                                  std::string_view region,
                                                                  long long unix_seconds);

// RFC 3986 with upper-case digits, as the signature wants it; slashes stay when `path`.
std::string aws_encode(std::string_view text, bool path);
std::string sha256_hex(std::string_view bytes);

}  // namespace mlops
