#include "protocol/status_map.h"

#include <gtest/gtest.h>

#include "protocol/model_version.h"
#include "request/request.h"

namespace mlops {
namespace {

struct Case {
  Code code;
  int http;
  int grpc;
  bool retryable;
};

TEST(StatusMap, EveryCodeHasItsNumbers) {
  constexpr Case kCases[] = {
      {Code::ok, 200, 0, false},
      {Code::invalid_argument, 400, 3, false},
      {Code::not_found, 404, 5, false},
      {Code::already_exists, 400, 6, false},
      {Code::unavailable, 503, 14, true},
      {Code::resource_exhausted, 503, 8, true},
      {Code::deadline_exceeded, 504, 4, false},
      {Code::cancelled, 499, 1, false},
      {Code::unimplemented, 501, 12, false},
      {Code::internal, 500, 13, false},
  };
  for (const Case& expected : kCases) {
    EXPECT_EQ(http_status(expected.code), expected.http) << code_name(expected.code);
    EXPECT_EQ(grpc_status(expected.code), expected.grpc) << code_name(expected.code);
    EXPECT_EQ(is_retryable(expected.code), expected.retryable) << code_name(expected.code);
  }
}

TEST(ModelVersion, EmptyIsAnyAndOnlyDecimalNumbersAreOthers) {
  EXPECT_EQ(*parse_model_version(""), kAnyVersion);
  EXPECT_EQ(*parse_model_version("7"), 7);
  EXPECT_EQ(*parse_model_version("9223372036854775807"), INT64_MAX);
  for (const char* text : {"-1", "1x", " 1", "1.0", "9223372036854775808", "+1", "latest"}) {
    EXPECT_EQ(parse_model_version(text).status().code(), Code::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace mlops
