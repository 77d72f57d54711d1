#pragma once
// What an S3-compatible store answers: lists of objects and errors, in the XML that they are in.
// Pure; for bytes from the network. Only elements and text are read; there are no entities but the
// five of XML and numbers, no document types, and no depth but a bounded one.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace mlops {

struct S3Object {
  std::string key;
  std::string etag;
  std::uint64_t size = 0;
};

struct S3Listing {
  std::vector<S3Object> objects;
  std::string next;  // the token that continues the list; empty: this is its end
};

Result<S3Listing> parse_s3_listing(std::string_view xml);
// "AccessDenied: ..." out of an error's body; empty when it is none.
std::string s3_error_text(std::string_view xml);

}  // namespace mlops
