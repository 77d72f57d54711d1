#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loadgen/http_reply.h"
#include "loadgen/json_text.h"

namespace mlops::loadgen {
namespace {

using State = HttpReplyReader::State;

void feed(HttpReplyReader& reader, std::string_view bytes) {
  const auto space = reader.space(bytes.size());
  std::memcpy(space.data(), bytes.data(), bytes.size());
  reader.commit(bytes.size());
}

TEST(HttpReply, ReadsRepliesCutAtEveryByte) {
  const std::string one =
      "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nInference-Header-Content-Length: 2\r\n\r\n{}abc";
  const std::string two = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n";
  const std::string bytes = one + two;
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    HttpReplyReader reader;
    std::vector<int> seen;
    HttpReply reply;
    for (const std::string_view part :
         {std::string_view(bytes).substr(0, cut), std::string_view(bytes).substr(cut)}) {
      if (part.empty()) continue;
      feed(reader, part);
      while (!reader.empty() && reader.next(reply) == State::kReply) {
        seen.push_back(reply.status);
        if (reply.status == 200) {
          EXPECT_EQ(std::string_view(reply.body.data(), reply.body.size()), "{}abc");
          EXPECT_EQ(reply.json_bytes, 2u);
        }
        reader.pop();
      }
    }
    EXPECT_EQ(seen, (std::vector<int>{200, 503})) << cut;
    EXPECT_TRUE(reader.empty());
  }
}

TEST(HttpReply, AnOctetStreamAloneHasNoJsonPart) {
  for (const auto& [extra, json_bytes] :
       {std::pair<std::string, std::size_t>{"Content-Type: application/octet-stream\r\n", 0},
        {"Content-Type: application/json\r\n", 4},
        {"Content-Type: application/octet-stream\r\nInference-Header-Content-Length: 3\r\n", 3}}) {
    HttpReplyReader reader;
    HttpReply reply;
    feed(reader, "HTTP/1.1 200 OK\r\n" + extra + "Content-Length: 4\r\n\r\nabcd");
    ASSERT_EQ(reader.next(reply), State::kReply);
    EXPECT_EQ(reply.json_bytes, json_bytes) << extra;
  }
}

TEST(HttpReply, RefusesWhatItDoesNotUnderstand) {
  for (const std::string_view bad :
       {"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n",
        "HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n", "SSH-2.0-OpenSSH hello\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nInference-Header-Content-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"}) {
    HttpReplyReader reader;
    HttpReply reply;
    feed(reader, bad);
    EXPECT_EQ(reader.next(reply), State::kMalformed) << bad;
  }
  HttpReplyReader reader;
  HttpReply reply;
  feed(reader, std::string(20'000, 'x'));
  EXPECT_EQ(reader.next(reply), State::kMalformed) << "a head without an end";
}

TEST(JsonText, FindsTheNumbersOfEveryOutput) {
  const auto values =
      json_output_values(R"({"outputs":[{"name":"a","data":[1, -2.5e0]},{"data":[[3],[4]]}]})");
  ASSERT_TRUE(values);
  EXPECT_EQ(*values, (std::vector<float>{1, -2.5f, 3, 4}));
  EXPECT_FALSE(json_output_values(R"({"data":[1,)"));
  EXPECT_FALSE(json_output_values(R"({"data":["text"]})"));
}

TEST(JsonText, QuotesWhatJsonForbids) {
  std::string out;
  append_json_string(out, "a\"b\\c\n");
  EXPECT_EQ(out, R"("a\"b\\c\u000a")");
}

}  // namespace
}  // namespace mlops::loadgen
