#pragma once
// Lists and fetches objects of one bucket. Blocks; one thread, but for interrupt().

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "client/http_client.h"
#include "store/s3_access.h"
#include "store/s3_listing.h"
#include "store/s3_location.h"

namespace mlops {

class S3Client {
 public:
  static constexpr std::size_t kObjectsMax = 100'000;  // of one list

  S3Client(S3Location location, S3Access access);

  // Every object whose key begins with the location's prefix and then `below`; keys are without the
  // location's prefix.
  Result<std::vector<S3Object>> list(const std::string& below);
  // The object as it was listed, in pieces. One that has changed since is an error.
  Status fetch(const S3Object& object, const HttpReplyParser::Body& sink);

  void interrupt() noexcept { http_.interrupt(); }

 private:
  using Fields = std::vector<std::pair<std::string, std::string>>;
  Result<HttpAnswered> get(const std::string& key, Fields query, Fields headers,
                           const HttpReplyParser::Body& sink);

  const S3Location location_;
  const S3Access access_;
  HttpClient http_;
};

}  // namespace mlops
