#include "client/http_reply.h"

#include <gtest/gtest.h>

#include "client/url.h"

namespace mlops {
namespace {

struct Parsed {
  Status status;
  HttpReplyHead head;
  std::string body;
  bool done = false;
  bool reusable = false;
};

Parsed parse(std::string_view bytes, std::size_t piece, bool then_closed = false,
             bool bodyless = false) {
  Parsed parsed;
  HttpReplyParser parser(bodyless, [&](std::string_view part) {
    parsed.body.append(part);
    return Status();
  });
  while (!bytes.empty() && parsed.status.ok()) {
    const std::string_view part = bytes.substr(0, piece);
    bytes.remove_prefix(part.size());
    parsed.status = parser.received(part);
  }
  if (then_closed && parsed.status.ok()) parsed.status = parser.closed();
  parsed.done = parser.done();
  parsed.reusable = parser.reusable();
  parsed.head = parser.head();
  return parsed;
}

constexpr std::string_view kSized =
    "HTTP/1.1 200 OK\r\nETag: \"x\"\r\nContent-Length:  5\r\n\r\nhello";
constexpr std::string_view kChunked =
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200\r\nTransfer-Encoding: Chunked\r\n\r\n"
    "3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n";

TEST(HttpReply, IsTheSameHoweverItIsCut) {
  for (std::size_t piece = 1; piece < 100; ++piece) {
    for (const std::string_view bytes : {kSized, kChunked}) {
      const Parsed parsed = parse(bytes, piece);
      ASSERT_TRUE(parsed.status.ok()) << parsed.status.message();
      EXPECT_TRUE(parsed.done && parsed.reusable);
      EXPECT_EQ(parsed.head.status, 200);
      EXPECT_EQ(parsed.body, "hello");
    }
  }
  EXPECT_EQ(parse(kSized, 9).head.header("etag"), "\"x\"");
}

TEST(HttpReply, WithoutALengthItEndsWithTheConnection) {
  const Parsed open = parse("HTTP/1.0 200 OK\r\n\r\nhel", 99);
  EXPECT_FALSE(open.done);
  const Parsed closed = parse("HTTP/1.0 200 OK\r\n\r\nhel", 99, true);
  EXPECT_TRUE(closed.status.ok() && closed.done);
  EXPECT_FALSE(closed.reusable);
  EXPECT_FALSE(parse(kSized.substr(0, kSized.size() - 1), 99, true).status.ok());
  EXPECT_FALSE(parse(kChunked.substr(0, kChunked.size() - 1), 99, true).status.ok());
}

TEST(HttpReply, HeadAndNoContentHaveNoBody) {
  EXPECT_TRUE(parse("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 99, false, true).done);
  EXPECT_TRUE(parse("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", 99).done);
  EXPECT_FALSE(parse("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", 99).reusable);
}

TEST(HttpReply, RubbishIsAnError) {
  const std::string many = "HTTP/1.1 200 OK\r\n" + [] {
    std::string headers;
    for (int i = 0; i < 200; ++i) headers += "a: b\r\n";
    return headers;
  }() + "\r\n";
  for (const std::string& bytes :
       {std::string("HTTP/2 200 OK\r\n\r\n"), std::string("HTTP/1.1 2x0 OK\r\n\r\n"),
        std::string("HTTP/1.1 200x\r\n\r\n"), std::string("HTTP/1.1 200 OK\r\n: b\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\na b\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\na: \n\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxx\r\n"),
        std::string(kSized) + "more", std::string(kChunked) + "more", many,
        std::string("HTTP/1.1 200 OK\r\na: ") + std::string(40'000, 'x')}) {
    EXPECT_FALSE(parse(bytes, 999'999).status.ok()) << bytes.substr(0, 80);
  }
}

TEST(Url, IsTakenApart) {
  const Result<Url> url = parse_url("http://[::1]:4318/v1/traces?x=1");
  ASSERT_TRUE(url.ok()) << url.status().message();
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->port, 4318);
  EXPECT_EQ(url->target, "/v1/traces?x=1");
  EXPECT_EQ(url->authority(), "[::1]:4318");
  EXPECT_EQ(parse_url("https://s3.example")->authority(), "s3.example");
  EXPECT_EQ(parse_url("https://s3.example")->port, 443);
  EXPECT_EQ(parse_url("http://h?x")->target, "/?x");
}

TEST(Url, WhatIsNoneIsRefused) {
  for (const char* text :
       {"", "h:1", "ftp://h", "http://", "http://:80", "http://h:0", "http://h:65536", "http://h:x",
        "http://u:p@h/", "http://[::1", "http://[::1]x", "http://h/a b", "http://h/#f",
        "http://h\r\n/", "http://h\\/"}) {
    EXPECT_FALSE(parse_url(text).ok()) << text;
  }
}

}  // namespace
}  // namespace mlops
