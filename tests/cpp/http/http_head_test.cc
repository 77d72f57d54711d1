#include "http/http_head.h"

#include <gtest/gtest.h>

#include <string>

namespace mlops {
namespace {

std::string with(const std::string& headers) {
  return "POST /v2/models/m/infer HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n";
}

HttpHead accepted(const std::string& bytes) {
  HttpHead head;
  const HttpRefusal refusal = parse_http_head(bytes, head);
  EXPECT_EQ(refusal.status, 0) << refusal.text << "\n" << bytes;
  return head;
}

int refused(const std::string& bytes) {
  HttpHead head;
  return parse_http_head(bytes, head).status;
}

TEST(HttpHead, ReadsARequestLine) {
  const std::string text = "GET /v2/health/live?verbose=1 HTTP/1.1\r\nHost: h\r\n\r\n";
  const HttpHead head = accepted(text);
  EXPECT_EQ(head.method, HttpMethod::get);
  EXPECT_EQ(head.path, "/v2/health/live");
  EXPECT_TRUE(head.keep_alive);
  EXPECT_FALSE(head.content_length.has_value());
}

TEST(HttpHead, KnowsItsMethods) {
  const auto method_of = [](const std::string& method) {
    const std::string text = method + " / HTTP/1.1\r\nHost: h\r\n\r\n";
    return accepted(text).method;
  };
  EXPECT_EQ(method_of("GET"), HttpMethod::get);
  EXPECT_EQ(method_of("HEAD"), HttpMethod::head);
  EXPECT_EQ(method_of("POST"), HttpMethod::post);
  EXPECT_EQ(method_of("PUT"), HttpMethod::put);
  EXPECT_EQ(method_of("DELETE"), HttpMethod::delete_);
  EXPECT_EQ(method_of("PATCH"), HttpMethod::other);
  EXPECT_EQ(method_of("get"), HttpMethod::other);  // methods are case-sensitive
}

TEST(HttpHead, TakesThePathOutOfAbsoluteTargets) {
  const std::string absolute = "GET http://host:8000/v2 HTTP/1.1\r\nHost: h\r\n\r\n";
  EXPECT_EQ(accepted(absolute).path, "/v2");
  const std::string star = "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n";
  EXPECT_EQ(accepted(star).path, "*");
}

TEST(HttpHead, DecidesWhetherTheConnectionStays) {
  const auto keep = [](const std::string& version, const std::string& header) {
    const std::string text = "GET / HTTP/" + version + "\r\nHost: h\r\n" + header + "\r\n";
    return accepted(text).keep_alive;
  };
  EXPECT_TRUE(keep("1.1", ""));
  EXPECT_FALSE(keep("1.1", "Connection: close\r\n"));
  EXPECT_FALSE(keep("1.1", "connection: Upgrade , CLOSE\r\n"));
  EXPECT_FALSE(keep("1.0", ""));
  EXPECT_TRUE(keep("1.0", "Connection: Keep-Alive\r\n"));
}

TEST(HttpHead, ReadsTheHeadersItNeeds) {
  const std::string text = with(
      "content-LENGTH: 12\r\nInference-Header-Content-Length:  7 \r\n"
      "Expect: 100-Continue\r\nContent-Encoding: gzip\r\n");
  const HttpHead head = accepted(text);
  EXPECT_EQ(head.content_length, 12U);
  EXPECT_EQ(head.inference_header_length, "7");
  EXPECT_TRUE(head.expects_continue);
  EXPECT_EQ(head.content_encoding, "gzip");
  const std::string identity = with("Content-Encoding: identity\r\n");
  EXPECT_EQ(accepted(identity).content_encoding, "");
}

TEST(HttpHead, ChunksWinOverALengthAndEndTheConnection) {
  const std::string both = with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n");
  const HttpHead head = accepted(both);
  EXPECT_TRUE(head.chunked);
  EXPECT_FALSE(head.content_length.has_value());
  EXPECT_FALSE(head.keep_alive);
  const std::string alone = with("Transfer-Encoding: Chunked\r\n");
  EXPECT_TRUE(accepted(alone).keep_alive);
}

struct HeadCase {
  const char* name;
  std::string bytes;
  int status;
};

class RefusedHead : public ::testing::TestWithParam<HeadCase> {};

TEST_P(RefusedHead, HasItsStatus) { EXPECT_EQ(refused(GetParam().bytes), GetParam().status); }

INSTANTIATE_TEST_SUITE_P(
    HttpHead, RefusedHead,
    ::testing::Values(
        HeadCase{"NoVersion", "GET /\r\nHost: h\r\n\r\n", 400},
        HeadCase{"EmptyTarget", "GET  HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        HeadCase{"SpaceInTarget", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        HeadCase{"ControlInTarget", "GET /a\x01 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        HeadCase{"HighByteInTarget", "GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        HeadCase{"MethodIsNoToken", "G@T / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        HeadCase{"BareLineFeed", "GET / HTTP/1.1\nHost: h\r\n\r\n", 400},
        HeadCase{"BareLineFeedInHeaders", "GET / HTTP/1.1\r\nHost: h\n\r\n", 400},
        HeadCase{"Http2", "PRI * HTTP/2.0\r\n\r\n", 505},
        HeadCase{"Http12", "GET / HTTP/1.2\r\nHost: h\r\n\r\n", 505},
        HeadCase{"NoHost", "GET / HTTP/1.1\r\n\r\n", 400},
        HeadCase{"TwoHosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        HeadCase{"FoldedHeader", with("X: a\r\n b\r\n"), 400},
        HeadCase{"SpaceBeforeColon", with("Content-Length : 5\r\n"), 400},
        HeadCase{"NoColon", with("nonsense\r\n"), 400}, HeadCase{"EmptyName", with(": x\r\n"), 400},
        HeadCase{"NulInValue", with(std::string("X: a\0b\r\n", 8)), 400},
        HeadCase{"BareReturnInValue", with("X: a\rb\r\n"), 400},
        HeadCase{"NegativeLength", with("Content-Length: -1\r\n"), 400},
        HeadCase{"SignedLength", with("Content-Length: +1\r\n"), 400},
        HeadCase{"HexLength", with("Content-Length: 0x1\r\n"), 400},
        HeadCase{"EmptyLength", with("Content-Length:\r\n"), 400},
        HeadCase{"ListOfLengths", with("Content-Length: 5, 5\r\n"), 400},
        HeadCase{"TwoLengths", with("Content-Length: 5\r\nContent-Length: 6\r\n"), 400},
        HeadCase{"HugeLength", with("Content-Length: 99999999999999999999\r\n"), 413},
        HeadCase{"OtherCoding", with("Transfer-Encoding: gzip\r\n"), 501},
        HeadCase{"CodingList", with("Transfer-Encoding: gzip, chunked\r\n"), 501},
        HeadCase{"ObscuredCoding", with("Transfer-Encoding: xchunked\r\n"), 501},
        HeadCase{"TwoCodings", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
                 400},
        HeadCase{"ChunksInHttp10", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        HeadCase{"OtherExpectation", with("Expect: miracles\r\n"), 417},
        HeadCase{
            "TwoHeaderLengths",
            with("Inference-Header-Content-Length: 1\r\nInference-Header-Content-Length: 2\r\n"),
            400}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST(HttpHead, EqualLengthsTwiceAreOne) {
  const std::string text = with("Content-Length: 5\r\nContent-Length: 5\r\n");
  EXPECT_EQ(accepted(text).content_length, 5U);
}

TEST(HttpHead, LimitsTheNumberOfHeaders) {
  std::string headers;
  for (std::size_t i = 0; i + 1 < kHttpHeadersMax; ++i) headers += "X: y\r\n";
  EXPECT_EQ(refused(with(headers)), 0);
  EXPECT_EQ(refused(with(headers + "X: y\r\n")), 431);
}

}  // namespace
}  // namespace mlops
