#include "http/http1_parser.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <string>
#include <vector>

namespace mlops {
namespace {

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// What a parser made of a stream: one line per request, then how it ended.
struct Parsed {
  std::vector<std::string> events;
  int continues = 0;
  friend bool operator==(const Parsed& a, const Parsed& b) { return a.events == b.events; }
};

std::ostream& operator<<(std::ostream& out, const Parsed& parsed) {
  for (const std::string& event : parsed.events) out << event.substr(0, 200) << "\n";
  return out;
}

class Feeder {
 public:
  explicit Feeder(HttpLimits limits = {}) : parser(limits, pool, copies) {}

  void feed(std::string_view bytes) {
    while (!bytes.empty() && !over) {
      std::size_t size = bytes.size();
      if (const std::span<std::byte> space = parser.space(); !space.empty()) {
        size = std::min(size, space.size());
        std::memcpy(space.data(), bytes.data(), size);
        parser.received_in_space(size);
      } else {
        // Memory of exactly this size, so that the address sanitizer sees a read beyond it.
        const Buffer chunk = allocate_buffer(size);
        std::memcpy(chunk->data(), bytes.data(), size);
        parser.received(writable(chunk), chunk);
      }
      bytes.remove_prefix(size);
      collect();
    }
  }

  SlabPool pool{std::size_t{1} << 30};
  CopyMeter copies;
  Http1Parser parser;
  Parsed parsed;
  bool over = false;

 private:
  void collect() {
    HttpRequest request;
    while (true) {
      const Http1Parser::Event event = parser.next(request);
      if (event == Http1Parser::Event::request) {
        parsed.events.push_back(std::string(request.head.path) + " " + text_of(request.body) +
                                (request.head.keep_alive ? " keep" : " close"));
        continue;
      }
      parsed.continues += parser.take_continue();
      over = event == Http1Parser::Event::refused;
      if (over) parsed.events.push_back("refused " + std::to_string(parser.refusal().status));
      return;
    }
  }
};

Parsed parse(std::string_view bytes, HttpLimits limits = {}) {
  Feeder feeder(limits);
  feeder.feed(bytes);
  return feeder.parsed;
}

std::string raw_post(const std::string& path, const std::string& body) {
  return "POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

std::string chunked(const std::string& path, const std::string& coded) {
  return "POST " + path + " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + coded;
}

const std::string kGetLive = "GET /live HTTP/1.1\r\nHost: h\r\n\r\n";

struct ParserCase {
  const char* name;
  std::string bytes;
  std::vector<std::string> events;
};

std::vector<ParserCase> cases() {
  const std::string body(300, 'b');
  return {
      {"Get", kGetLive, {"/live  keep"}},
      {"Pipelined",
       kGetLive + raw_post("/a", "one") + kGetLive + raw_post("/b", ""),
       {"/live  keep", "/a one keep", "/live  keep", "/b  keep"}},
      {"Body", raw_post("/a", body), {"/a " + body + " keep"}},
      {"EmptyLinesBetween",
       "\r\n" + kGetLive + "\r\n\r\n" + kGetLive,
       {"/live  keep", "/live  keep"}},
      {"Chunked",
       chunked("/c", "3\r\none\r\n4;x=y\r\ntwo.\r\n0\r\n\r\n") + kGetLive,
       {"/c onetwo. keep", "/live  keep"}},
      {"ChunkedTrailers", chunked("/c", "1\r\nx\r\n0\r\nA: b\r\nC: d\r\n\r\n"), {"/c x keep"}},
      {"ChunkedEmpty", chunked("/c", "0\r\n\r\n"), {"/c  keep"}},
      {"ChunkedUpperHex", chunked("/c", "A\r\n0123456789\r\n00\r\n\r\n"), {"/c 0123456789 keep"}},
      {"BothLengths",
       "POST /s HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n"
       "2\r\nhi\r\n0\r\n\r\n",
       {"/s hi close"}},
      {"BadChunkSize", chunked("/c", "g\r\n"), {"refused 400"}},
      {"NoChunkSize", chunked("/c", "\r\n"), {"refused 400"}},
      {"HugeChunkSize", chunked("/c", "fffffffffffffffff\r\n"), {"refused 413"}},
      {"BadChunkEnd", chunked("/c", "1\r\nxy\r\n"), {"refused 400"}},
      {"BareChunkLine", chunked("/c", "1\nx"), {"refused 400"}},
      {"BadExtension", chunked("/c", "1;a\nx"), {"refused 400"}},
      {"GoodThenBad", kGetLive + "nonsense\r\n\r\n" + kGetLive, {"/live  keep", "refused 400"}},
      {"TlsHandshake", std::string("\x16\x03\x01\x02\x00\x01", 6), {"refused 400"}},
      {"TooLong", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n", {"refused 400"}},
      {"TooLongBinary",
       "POST / HTTP/1.1\r\nHost: h\r\nInference-Header-Content-Length: 9\r\n"
       "Content-Length: 1001\r\n\r\n",
       {"refused 413"}},
      {"TooLongInChunks", chunked("/c", "3e9\r\n" + std::string(1001, 'x')), {"refused 400"}},
      {"HugeHead",
       "GET /" + std::string(600, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n",
       {"refused 431"}},
  };
}

constexpr HttpLimits kSmall{.head_bytes_max = 512, .body_bytes_max = 1000, .chunks_max = 100};

class Http1Cases : public ::testing::TestWithParam<ParserCase> {};

TEST_P(Http1Cases, ParseAsTheTableSays) {
  EXPECT_EQ(parse(GetParam().bytes, kSmall).events, GetParam().events);
}

// Where the network cuts the stream must not matter.
TEST_P(Http1Cases, ParseTheSameHoweverTheyAreCut) {
  const std::string& bytes = GetParam().bytes;
  const Parsed whole = parse(bytes, kSmall);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    Feeder feeder(kSmall);
    feeder.feed(std::string_view(bytes).substr(0, cut));
    feeder.feed(std::string_view(bytes).substr(cut));
    ASSERT_EQ(feeder.parsed, whole) << "cut at " << cut;
  }
  Feeder bytewise(kSmall);
  for (const char byte : bytes) bytewise.feed({&byte, 1});
  EXPECT_EQ(bytewise.parsed, whole);
}

INSTANTIATE_TEST_SUITE_P(Http1Parser, Http1Cases, ::testing::ValuesIn(cases()),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(Http1Parser, TheLongestHeadIsTheSameHoweverItComes) {
  for (const bool longer : {false, true}) {
    const std::string line = "GET /v2 HTTP/1.1\r\nHost: x\r\nPadding: ";
    const std::size_t head = kSmall.head_bytes_max + longer;
    const std::string bytes = line + std::string(head - line.size(), 'a') + "\r\n\r\n";
    const std::string event = longer ? "refused 431" : "/v2  keep";
    for (std::size_t cut = head - 2; cut <= bytes.size(); ++cut) {
      Feeder feeder(kSmall);
      feeder.feed(bytes.substr(0, cut));
      feeder.feed(bytes.substr(cut));
      EXPECT_EQ(feeder.parsed.events, std::vector<std::string>{event}) << cut;
    }
  }
}

TEST(Http1Parser, RequestThatArrivesWholeIsNotCopied) {
  Feeder feeder;
  feeder.feed(raw_post("/a", std::string(1000, 'x')) + raw_post("/b", std::string(1000, 'y')));
  EXPECT_EQ(feeder.parsed.events.size(), 2U);
  EXPECT_EQ(feeder.copies.total(CopySite::http_body), 0U);
}

TEST(Http1Parser, OnlyWhatCameWithTheHeadIsCopiedOfALongBody) {
  Feeder feeder;
  const std::string request = raw_post("/a", std::string(1'000'000, 'x'));
  const std::size_t head = request.size() - 1'000'000;
  feeder.feed(std::string_view(request).substr(0, head + 500));
  feeder.feed(std::string_view(request).substr(head + 500));
  ASSERT_EQ(feeder.parsed.events.size(), 1U);
  EXPECT_EQ(feeder.parsed.events[0].size(), 1'000'000 + std::string("/a  keep").size());
  EXPECT_EQ(feeder.copies.total(CopySite::http_body), 500U);
}

TEST(Http1Parser, AsksForPermissionOnlyWhenTheBodyIsNotThere) {
  const std::string head =
      "POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n";
  Feeder waits;
  waits.feed(head);
  EXPECT_EQ(waits.parsed.continues, 1);
  waits.feed("body");
  EXPECT_EQ(waits.parsed.events, (std::vector<std::string>{"/a body keep"}));
  EXPECT_EQ(waits.parsed.continues, 1);
  Feeder sends;
  sends.feed(head + "body");
  EXPECT_EQ(sends.parsed.continues, 0);
}

TEST(Http1Parser, SixtyFiveThousandChunksAndNotOneMore) {
  std::string coded;
  for (int i = 0; i < 65'536; ++i) coded += "1\r\nx\r\n";
  EXPECT_EQ(parse(chunked("/c", coded + "0\r\n\r\n")).events.at(0).size(),
            65'536 + std::string("/c  keep").size());
  Feeder feeder;
  feeder.feed(chunked("/c", coded + "1\r\nx\r\n"));
  ASSERT_TRUE(feeder.over);
  EXPECT_EQ(feeder.parser.refusal().status, 400);
  EXPECT_NE(feeder.parser.refusal().text.find("exceeds maximum of 65536 non-empty chunks"),
            std::string_view::npos);
}

TEST(Http1Parser, EndlessExtensionsAndTrailersAreRefused) {
  EXPECT_EQ(parse(chunked("/c", "1;" + std::string(20'000, 'a'))).events.at(0), "refused 431");
  std::string trailers = "0\r\n";
  for (int i = 0; i < 5000; ++i) trailers += "A: b\r\n";
  EXPECT_EQ(parse(chunked("/c", trailers)).events.at(0), "refused 431");
}

TEST(Http1Parser, BodiesWithoutMemoryAreRefused) {
  SlabPool pool(1 << 20);
  CopyMeter copies;
  Http1Parser parser({}, pool, copies);
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 8000000\r\n\r\n";
  const Buffer chunk = allocate_buffer(head.size());
  std::memcpy(chunk->data(), head.data(), head.size());
  parser.received(writable(chunk), chunk);
  HttpRequest request;
  EXPECT_EQ(parser.next(request), Http1Parser::Event::refused);
  EXPECT_EQ(parser.refusal().status, 503);
}

}  // namespace
}  // namespace mlops
