// What a peer does, frame by frame, and what it gets for it.

#include "h2/http2_session.h"

#include <gtest/gtest.h>

#include "h2/echo_handler.h"
#include "h2/frame_bytes.h"

namespace mlops::testing {
namespace {

using enum FrameType;

class Http2SessionTest : public ::testing::Test {
 protected:
  Http2SessionTest() { handler.session = &session; }

  // What the session sends, a line for each frame; bodies and fields as their length.
  std::string give(std::string_view bytes) {
    session.received(as_span(bytes), now);
    session.write();
    return sent();
  }
  std::string sent() {
    const std::string all = out.take_all();
    std::string lines;
    for (std::string_view rest = all; !rest.empty();) {
      const FrameHead head = read_frame_head(as_span(rest.substr(0, kFrameHeadBytes)));
      const std::string_view payload = rest.substr(kFrameHeadBytes, head.length);
      rest.remove_prefix(kFrameHeadBytes + head.length);
      lines += line(head, payload) + "\n";
    }
    return lines;
  }
  std::string greet(std::string_view settings = {}) { return give(greeting(settings)); }
  static std::string request(std::int32_t id, std::string_view more = {},
                             std::uint8_t flags = kFlagEndHeaders | kFlagEndStream) {
    return frame(headers, flags, id, request_block(more));
  }
  static std::string open(std::int32_t id, std::string_view more = {}) {
    return request(id, more, kFlagEndHeaders);
  }
  // A second session, for what ends the first.
  static std::string alone(std::string_view bytes) {
    OutQueue queue;
    EchoHandler echo;
    Http2Session other(echo, queue, {});
    echo.session = &other;
    other.received(as_span(greeting()), TimePoint());
    queue.clear();
    other.received(as_span(bytes), TimePoint());
    other.write();
    const std::string all = queue.take_all();
    std::string lines;
    for (std::string_view rest = all; !rest.empty();) {
      const FrameHead head = read_frame_head(as_span(rest.substr(0, kFrameHeadBytes)));
      lines += line(head, rest.substr(kFrameHeadBytes, head.length)) + "\n";
      rest.remove_prefix(kFrameHeadBytes + head.length);
    }
    return lines + (other.over() ? "over\n" : "");
  }

  static std::string line(const FrameHead& head, std::string_view payload) {
    const std::string id = std::to_string(head.stream);
    const std::string ends = head.has(kFlagEndStream) ? " ends" : "";
    switch (head.type) {
      case data:
        return "data " + id + " " + std::to_string(payload.size()) + ends;
      case headers:
        return "headers " + id + ends;
      case rst_stream:
        return "reset " + id + " " + std::to_string(read_u32(as_span(payload)));
      case settings:
        return head.has(kFlagAck) ? "settings ack"
                                  : "settings " + std::to_string(payload.size() / 6);
      case ping:
        return "ping ack " + std::string(payload);
      case goaway:
        return "goaway " + std::to_string(read_u32(as_span(payload))) + " " +
               std::to_string(read_u32(as_span(payload.substr(4))));
      case window_update:
        return "window " + id + " " + std::to_string(read_u32(as_span(payload)));
      default:
        return "frame " + std::to_string(static_cast<int>(head.type));
    }
  }

  OutQueue out;
  EchoHandler handler;
  Http2Limits limits{.streams_max = 4, .header_bytes_max = 1000, .control_frames_max = 20};
  Http2Session session{handler, out, limits};
  TimePoint now{};
};

constexpr char kAnswer1[] = "headers 1\ndata 1 2\nheaders 1 ends\n";

TEST_F(Http2SessionTest, GreetsAndAnswers) {
  EXPECT_EQ(greet(), "settings 5\nwindow 0 16711681\nsettings ack\n");
  EXPECT_EQ(give(open(1) + frame(data, 1, 1, "ab")), kAnswer1);
  EXPECT_EQ(handler.log, "head 1\nended 1 2\nclosed 1\n");
  EXPECT_EQ(give(request(3)), "headers 3\nheaders 3 ends\n");
  EXPECT_EQ(give(frame(ping, 0, 0, "01234567")), "ping ack 01234567\n");
  EXPECT_EQ(give(frame(ping, kFlagAck, 0, "01234567") + frame(FrameType{99}, 0, 0, "?") +
                 frame(priority, 0, 9, "abcde")),
            "");
  EXPECT_FALSE(session.over());
}

TEST_F(Http2SessionTest, PaddingCountsAgainstWindowsAndNotAsData) {
  greet();
  EXPECT_EQ(give(open(1) + frame(data, 9, 1, std::string("\3ab\0\0\0", 6))), kAnswer1);
}

TEST_F(Http2SessionTest, TrailersEndARequest) {
  greet();
  EXPECT_EQ(give(open(1) + frame(data, 0, 1, "ab") +
                 frame(headers, kFlagEndHeaders | kFlagEndStream, 1, literal("x", "y"))),
            kAnswer1);
  EXPECT_EQ(give(open(3) + frame(headers, kFlagEndHeaders, 3, literal("x", "y"))), "reset 3 1\n");
  EXPECT_EQ(give(open(5) + frame(headers, kFlagEndHeaders | kFlagEndStream, 5, "\x84")),
            "reset 5 1\n");
}

// One stream is at fault, and the next is served.
TEST_F(Http2SessionTest, MistakesOfAStreamEndTheStream) {
  greet();
  handler.answers = false;
  struct {
    std::string bytes;
    std::string expected;
  } const lines[] = {
      {request(1, literal("connection", "close")), "reset 1 1\n"},
      {request(3, literal("X", "y")), "reset 3 1\n"},
      {request(5, literal("te", "gzip")), "reset 5 1\n"},
      {request(7, literal("content-length", "1")), "reset 7 1\n"},
      {open(9, literal("content-length", "1")) + frame(data, 0, 9, "ab"), "reset 9 1\n"},
      {open(11, literal("content-length", "3")) + frame(data, 1, 11, "ab"), "reset 11 1\n"},
      {frame(headers, 5, 13, "\x83\x86"), "reset 13 1\n"},  // no path
      {open(15) + frame(window_update, 0, 15, u32(0)), "reset 15 1\n"},
      {open(17) + frame(window_update, 0, 17, u32(0x7fffffff)), "reset 17 3\n"},
      {request(19) + frame(data, 0, 19, "a"), "reset 19 5\n"},
      {request(21) + request(21), "reset 21 5\n"},
  };
  for (const auto& line : lines) EXPECT_EQ(give(line.bytes), line.expected);
  EXPECT_TRUE(handler.streams.empty());
  handler.answers = true;
  EXPECT_EQ(give(request(101, literal("content-length", "0"))), "headers 101\nheaders 101 ends\n");
}

TEST_F(Http2SessionTest, WhatComesForAStreamThatIsGoneIsIgnored) {
  greet();
  give(request(1));
  EXPECT_EQ(give(frame(data, 0, 1, "late") + frame(window_update, 0, 1, u32(1)) +
                 frame(rst_stream, 0, 1, u32(8)) + request(1)),
            "");
  EXPECT_EQ(give(request(5)), "headers 5\nheaders 5 ends\n");
  EXPECT_EQ(give(request(3)), "");  // numbers only rise
}

TEST_F(Http2SessionTest, MistakesOfTheConnectionEndIt) {
  const auto ends_with = [](const std::string& bytes, Http2Error error) {
    const std::string said = alone(bytes);
    EXPECT_TRUE(said.ends_with(" " + std::to_string(static_cast<unsigned>(error)) + "\nover\n"))
        << said;
  };
  ends_with(frame(data, 0, 1, "a"), Http2Error::protocol);  // an idle stream
  ends_with(frame(rst_stream, 0, 1, u32(8)), Http2Error::protocol);
  ends_with(frame(window_update, 0, 1, u32(8)), Http2Error::protocol);
  ends_with(request(2), Http2Error::protocol);  // a server's number
  ends_with(frame(data, 0, 2, "a"), Http2Error::protocol);
  ends_with(frame(headers, 5, 1, "\xff\xff\xff"), Http2Error::compression);
  ends_with(frame(window_update, 0, 0, u32(0)), Http2Error::protocol);
  ends_with(frame(window_update, 0, 0, u32(0x7fffffff)), Http2Error::flow_control);
  ends_with(frame(settings, 0, 0, setting(SettingId::enable_push, 2)), Http2Error::protocol);
  ends_with(frame(settings, 0, 0, setting(SettingId::initial_window_size, 0x80000000U)),
            Http2Error::flow_control);
  ends_with(frame(settings, 0, 0, setting(SettingId::max_frame_size, 16'383)),
            Http2Error::protocol);
  ends_with(frame(settings, 0, 0, setting(SettingId::max_frame_size, 0x1000000)),
            Http2Error::protocol);
  ends_with(open(1) + frame(window_update, 0, 1, u32(0x7fff0000)) +
                frame(settings, 0, 0, setting(SettingId::initial_window_size, 0x7fffffff)),
            Http2Error::flow_control);
}

TEST_F(Http2SessionTest, AnEmptySettingMeansNothingToUs) {
  EXPECT_EQ(
      alone(frame(settings, 0, 0,
                  setting(SettingId{4242}, 7) + setting(SettingId::max_concurrent_streams, 0) +
                      setting(SettingId::max_header_list_size, 1) +
                      setting(SettingId::enable_push, 1))),
      "settings ack\n");
}

TEST_F(Http2SessionTest, ReceivedWindowsAreEnforcedAndGivenBack) {
  greet();
  handler.answers = false;
  const std::string half(1 << 20, 'd');
  EXPECT_EQ(give(open(1) + frame(data, 0, 1, half)), "");
  EXPECT_EQ(give(frame(data, 0, 1, half)), "window 1 2097152\n");
  give(open(3));
  handler.streams[3]->holds_back = true;
  for (int i = 0; i < 4; ++i) give(frame(data, 0, 3, half));  // its whole window
  EXPECT_EQ(give(frame(data, 0, 3, "")), "");
  EXPECT_EQ(give(frame(data, 0, 3, "x")), "reset 3 3\n");
  // Six of the sixteen of the connection's are used, and given back at eight.
  EXPECT_EQ(give(open(5) + frame(data, 0, 5, half)), "");
  EXPECT_EQ(give(frame(data, 0, 5, half)), "window 0 8388609\nwindow 5 2097152\n");
}

TEST_F(Http2SessionTest, SendsWhatWindowsAllowAndGoesOn) {
  greet(setting(SettingId::initial_window_size, 10));
  give(open(1));
  EXPECT_EQ(give(frame(data, 1, 1, std::string(25, 'd'))), "headers 1\ndata 1 10\n");
  EXPECT_EQ(give(frame(window_update, 0, 1, u32(5))), "data 1 5\n");
  // The window becomes -10: fifteen are sent, five are allowed.
  EXPECT_EQ(give(frame(settings, 0, 0, setting(SettingId::initial_window_size, 0))),
            "settings ack\n");
  EXPECT_EQ(give(frame(window_update, 0, 1, u32(9))), "");
  EXPECT_EQ(give(frame(window_update, 0, 1, u32(3))), "data 1 2\n");
  EXPECT_EQ(give(frame(settings, 0, 0, setting(SettingId::initial_window_size, 8))),
            "settings ack\ndata 1 8\nheaders 1 ends\n");
}

TEST_F(Http2SessionTest, StreamsShareTheConnectionsWindowInTurn) {
  greet(setting(SettingId::initial_window_size, 1'000'000) +
        setting(SettingId::max_frame_size, 20'000));
  handler.answers = false;
  for (const std::int32_t id : {1, 3})
    give(open(id) + frame(data, 1, id, std::string(50'000, 'd')));
  for (auto& [id, stream] : handler.streams) session.ok_reply(*stream);
  EXPECT_EQ(give(""),
            "headers 1\nheaders 3\ndata 1 20000\ndata 3 20000\ndata 1 20000\ndata 3 5535\n");
  handler.answers = true;
  EXPECT_EQ(give(request(5)), "headers 5\nheaders 5 ends\n");  // needs no window
  EXPECT_EQ(give(frame(window_update, 0, 0, u32(30'000))),
            "data 1 10000\nheaders 1 ends\ndata 3 20000\n");
  EXPECT_EQ(give(frame(rst_stream, 0, 3, u32(8))), "");
  EXPECT_TRUE(handler.streams.empty());
  EXPECT_EQ(give(frame(window_update, 0, 0, u32(30'000))), "");
}

TEST_F(Http2SessionTest, WritesNoMoreThanItMay) {
  OutQueue queue;
  EchoHandler echo;
  Http2Session bounded(echo, queue, {.out_bytes_max = 40'000});
  echo.session = &bounded;
  bounded.received(as_span(greeting() + frame(window_update, 0, 0, u32(1 << 20)) + open(1) +
                           frame(window_update, 0, 1, u32(1 << 20)) +
                           frame(data, 1, 1, std::string(200'000, 'd'))),
                   now);
  bounded.write();
  EXPECT_LT(queue.size(), 40'000U + 16'384 + 100);
  std::size_t all = 0;
  for (int i = 0; i < 20; ++i) {
    all += queue.take_all().size();
    bounded.write();
  }
  EXPECT_GT(all, 200'000U);
  EXPECT_TRUE(echo.streams.empty());
}

TEST_F(Http2SessionTest, MoreStreamsThanMayBeAreRefused) {
  greet();
  for (const std::int32_t id : {1, 3, 5, 7}) EXPECT_EQ(give(open(id)), "");
  EXPECT_EQ(give(open(9)), "reset 9 7\n");
  EXPECT_EQ(give(frame(data, 1, 9, "late")), "");
  EXPECT_EQ(give(frame(data, 1, 1, "ab")), kAnswer1);
  EXPECT_EQ(give(request(11)), "headers 11\nheaders 11 ends\n");
}

TEST_F(Http2SessionTest, LargeHeadersAreTheHandlersToRefuse) {
  greet();
  std::string block = request_block();
  for (int i = 0; i < 10; ++i) block += literal("x", std::string(100, 'v'));
  EXPECT_EQ(give(frame(headers, 5, 1, block)), "headers 1 ends\n");
  EXPECT_EQ(give(request(3)), "headers 3\nheaders 3 ends\n");
}

TEST_F(Http2SessionTest, AHeaderBlockHasAnEnd) {
  const std::string zeros(1 << 20, '\x82');
  std::string bytes = frame(headers, 0, 1, zeros);
  for (int i = 0; i < 3; ++i) bytes += frame(continuation, 0, 1, zeros);
  EXPECT_TRUE(alone(bytes).ends_with(" 11\nover\n"));
}

TEST_F(Http2SessionTest, AnsweredBeforeItEndsARequestNeedNotGoOn) {
  greet();
  give(open(1));
  const Http2Session::Field status{":status", "405"};
  session.reply(*handler.streams[1], {&status, 1}, true);
  EXPECT_EQ(give(""), "headers 1 ends\nreset 1 0\n");
  EXPECT_EQ(handler.log, "head 1\nclosed 1\n");
}

TEST_F(Http2SessionTest, FloodsHaveAnEnd) {
  greet();  // one frame of the twenty
  for (int i = 0; i < 18; ++i)
    EXPECT_EQ(give(frame(ping, 0, 0, "01234567")), "ping ack 01234567\n");
  session.tick();
  give(open(1));
  for (int i = 0; i < 19; ++i) EXPECT_EQ(give(frame(data, 0, 1, "")), "");
  EXPECT_EQ(give(frame(data, 0, 1, "")), "goaway 1 11\n");
  EXPECT_TRUE(session.over());
  EXPECT_EQ(give(request(3)), "");
}

// By the peer's resets, or by mistakes that have us reset.
TEST_F(Http2SessionTest, RapidResetsHaveAnEnd) {
  for (const bool ours : {false, true}) {
    OutQueue queue;
    EchoHandler echo;
    Http2Session other(echo, queue, {.control_frames_max = 1'000'000});
    echo.session = &other;
    other.received(as_span(greeting()), now);
    const auto call = [&](std::int32_t id) {
      const std::string ending =
          ours ? frame(window_update, 0, id, u32(0)) : frame(rst_stream, 0, id, u32(8));
      other.received(as_span(open(id) + ending), now);
    };
    std::int32_t id = 1;
    for (int i = 0; i < ResetBudget::kBurst; ++i, id += 2) call(id);
    EXPECT_FALSE(other.over());
    now += std::chrono::seconds(1);
    for (int i = 0; i < ResetBudget::kPerSecond; ++i, id += 2) call(id);
    EXPECT_FALSE(other.over());
    call(id);
    EXPECT_TRUE(other.over());
  }
}

TEST_F(Http2SessionTest, GoesAwayWithoutLosingWhatItTook) {
  greet();
  give(open(1));
  session.goaway();
  session.goaway();
  EXPECT_EQ(give(request(3)), "goaway 1 0\n");
  EXPECT_FALSE(session.over());
  EXPECT_EQ(give(frame(data, 0, 3, "ignored")), "");
  EXPECT_EQ(give(frame(data, 1, 1, "ab")), kAnswer1);
  EXPECT_TRUE(session.over());
}

TEST_F(Http2SessionTest, APeerThatGoesAwayIsAnsweredFirst) {
  greet();
  EXPECT_EQ(give(open(1) + frame(goaway, 0, 0, u32(0) + u32(0))), "");
  EXPECT_FALSE(session.over());
  EXPECT_EQ(give(frame(data, 1, 1, "ab")), kAnswer1);
  EXPECT_TRUE(session.over());
}

TEST_F(Http2SessionTest, SaysNothingToWhoSpeaksSomethingElse) {
  EXPECT_EQ(give("GET / HTTP/1.1\r\n\r\n"), "");
  EXPECT_TRUE(session.bad_preface());
}

// The second call's block fills no table, the third is known, and what is known is read no more.
TEST_F(Http2SessionTest, RepeatedHeadsAreReadTwice) {
  greet();
  for (std::int32_t id = 1; id < 21; id += 2) {
    EXPECT_EQ(give(open(id)), "");
    EXPECT_EQ(handler.streams[id]->head, ":method=POST;:scheme=http;:path=/;:authority=t;");
    give(frame(data, 1, id, "ab"));
  }
  EXPECT_EQ(handler.heads_read, 2);
  EXPECT_EQ(give(open(31, literal("content-length", "2"))), "");
  EXPECT_EQ(give(frame(data, 1, 31, "abc")), "reset 31 1\n");
}

TEST(StreamTable, FindsWhatIsInIt) {
  StreamTable table;
  std::vector<Http2Stream> streams(500);
  std::uint32_t random = 1;
  std::vector<bool> in(500, false);
  for (std::size_t i = 0; i < streams.size(); ++i) {
    streams[i].id = static_cast<std::int32_t>(2 * (i % 2 ? i : 64 * i) + 1);  // some share a home
  }
  for (int step = 0; step < 20'000; ++step) {
    random = random * 1'664'525 + 1'013'904'223;
    const std::size_t i = (random >> 8) % streams.size();
    ASSERT_EQ(table.find(streams[i].id), in[i] ? &streams[i] : nullptr);
    if (in[i]) {
      table.erase(streams[i].id);
    } else if (table.size() < 200) {
      table.insert(streams[i]);
    } else {
      continue;
    }
    in[i] = !in[i];
  }
  std::size_t count = 0;
  table.each([&](Http2Stream&) { ++count; });
  EXPECT_EQ(count, table.size());
}

}  // namespace
}  // namespace mlops::testing
