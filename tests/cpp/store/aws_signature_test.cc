#include "store/aws_signature.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "store/s3_location.h"

namespace mlops {
namespace {

// The credentials, time and requests of the examples in Amazon's description of the signature.
const AwsCredentials kExample = {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                                 ""};
constexpr long long kExampleTime = 1369353600;  // 2013-05-24T00:00:00Z

std::string authorization(const AwsRequest& request, const AwsCredentials& credentials) {
  for (const auto& [name, value] :
       sign_aws_request(request, credentials, "us-east-1", kExampleTime)) {
    if (name == "Authorization") return value;
  }
  return "";
}

TEST(AwsSignature, OfTheExampleThatGetsAnObject) {
  const AwsRequest request = {
      "GET", "examplebucket.s3.amazonaws.com", "/test.txt", {}, {{"range", "bytes=0-9"}}};
  EXPECT_EQ(authorization(request, kExample),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(AwsSignature, OfTheExampleThatListsABucket) {
  const AwsRequest request = {
      "GET", "examplebucket.s3.amazonaws.com", "/", {{"max-keys", "2"}, {"prefix", "J"}}, {}};
  const std::string text = authorization(request, kExample);
  EXPECT_NE(text.find("Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
            std::string::npos)
      << text;
}

TEST(AwsSignature, ASessionsTokenIsSignedAndNobodySignsNothing) {
  AwsCredentials temporary = kExample;
  temporary.session_token = "token";
  const AwsRequest request = {"GET", "h", "/", {}, {}};
  const auto headers = sign_aws_request(request, temporary, "r", kExampleTime);
  EXPECT_NE(std::ranges::find(headers,
                              std::pair<std::string, std::string>("x-amz-security-token", "token")),
            headers.end());
  EXPECT_NE(authorization(request, temporary).find("x-amz-security-token"), std::string::npos);
  EXPECT_TRUE(sign_aws_request(request, {}, "r", kExampleTime).empty());
}

TEST(AwsSignature, EncodesAsItIsSigned) {
  EXPECT_EQ(aws_encode("a b/c~d+é=", true), "a%20b/c~d%2B%C3%A9%3D");
  EXPECT_EQ(aws_encode("a/b", false), "a%2Fb");
}

struct Place {
  std::string server, bucket, prefix;
};

Place place(const std::string& text, const std::string& endpoint = "") {
  const Result<S3Location> location = parse_s3_location(text, endpoint, "eu-west-1");
  EXPECT_TRUE(location.ok()) << text << ": " << location.status().message();
  if (!location.ok()) return {};
  return {(location->server.tls ? "https://" : "http://") + location->server.authority(),
          location->bucket, location->prefix};
}

TEST(S3Location, IsWrittenAsTritonDoes) {
  Place found = place("s3://bucket/a/b/");
  EXPECT_EQ(found.server, "https://s3.eu-west-1.amazonaws.com");
  EXPECT_EQ(found.bucket, "bucket");
  EXPECT_EQ(found.prefix, "a/b/");
  found = place("s3://127.0.0.1:9000/bucket");
  EXPECT_EQ(found.server, "http://127.0.0.1:9000");
  EXPECT_EQ(found.prefix, "");
  EXPECT_EQ(place("s3://https://store:9000/bucket/x").server, "https://store:9000");
  EXPECT_EQ(place("s3://http://store/bucket/x").server, "http://store");
  EXPECT_EQ(place("s3://bucket/x", "http://minio:9000").server, "http://minio:9000");
}

TEST(S3Location, WhatIsNoneIsRefused) {
  for (const char* text :
       {"s3://", "s3:///x", "s3://b/x", "s3://Bucket/x", "s3://bucket//x", "s3://h:x/bucket/p",
        "s3://http:///bucket", "s3://bucket/a b", "/folder", "gs://bucket/x", "s3://h:1/"}) {
    EXPECT_FALSE(parse_s3_location(text, "", "r").ok()) << text;
  }
}

}  // namespace
}  // namespace mlops
