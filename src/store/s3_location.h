#pragma once
// "s3://..." as Triton writes model repositories, taken apart. Pure.

#include <string>
#include <string_view>

#include "base/status.h"
#include "client/url.h"

namespace mlops {

struct S3Location {
  Url server;  // of the store, without the bucket
  std::string bucket;
  std::string prefix;  // of every key: empty, or ends with a slash
};

bool is_s3_location(std::string_view text);

// s3://BUCKET/PREFIX, s3://HOST:PORT/BUCKET/PREFIX (HTTP), s3://https://HOST:PORT/BUCKET/PREFIX.
// Where no host is given, `endpoint` (a URL) is asked, or when that is empty, Amazon in `region`.
Result<S3Location> parse_s3_location(std::string_view text, std::string_view endpoint,
                                     std::string_view region);

}  // namespace mlops
