// Bytes, and what they are taken for. Every line is also fed in pieces of every small size.

#include "h2/frame_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "h2/frame_bytes.h"

namespace mlops::testing {
namespace {

constexpr std::uint32_t kFrameBytesMax = 20'000;

class Recorder final : public FrameSink {
 public:
  std::string log;
  Http2Error answer = Http2Error::none;

  Http2Error control(const FrameHead& head, std::span<const std::byte> payload) override {
    end_part();
    log += "control " + name(head) + " " + hex(payload) + "\n";
    return answer;
  }
  Http2Error began(const FrameHead& head) override {
    end_part();
    log += "began " + name(head) + "\n";
    return answer;
  }
  Http2Error data(const FrameHead& head, std::span<const std::byte> part, bool last) override {
    part_ += hex(part);
    if (!last) return answer;
    log += "data " + std::to_string(head.stream) + " " + std::exchange(part_, {}) + "\n";
    return answer;
  }
  // However a block is cut, it is the same block; whether it was whole is told apart elsewhere.
  Http2Error block(std::span<const std::byte> part, bool whole, bool last) override {
    part_ += hex(part);
    wholes += whole ? 1 : 0;
    if (last) log += "block " + std::exchange(part_, {}) + "\n";
    return answer;
  }
  std::string take() {
    end_part();
    return std::exchange(log, {});
  }
  int wholes = 0;

 private:
  static std::string name(const FrameHead& head) {
    return std::to_string(static_cast<int>(head.type)) + "/" + std::to_string(head.flags) + "@" +
           std::to_string(head.stream) + ":" + std::to_string(head.length);
  }
  static std::string hex(std::span<const std::byte> bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (const std::byte byte : bytes) {
      text += kDigits[std::to_integer<std::size_t>(byte >> 4)];
      text += kDigits[std::to_integer<std::size_t>(byte & std::byte{15})];
    }
    return text;
  }
  void end_part() {
    if (!part_.empty()) log += "part " + std::exchange(part_, {}) + "\n";
  }
  std::string part_;
};

// What the bytes behind a greeting are taken for, ending in "error N" if they are refused.
std::string read(const std::string& bytes, std::size_t piece) {
  Recorder recorder;
  FrameReader reader(kFrameBytesMax);
  Http2Error error = reader.read(as_span(greeting()), recorder);
  EXPECT_EQ(recorder.take(), "control 4/0@0:0 \n");
  for (std::size_t at = 0; at < bytes.size() && error == Http2Error::none; at += piece) {
    error = reader.read(as_span(std::string_view(bytes).substr(at, piece)), recorder);
  }
  std::string log = recorder.take();
  if (error != Http2Error::none) {
    log += "error " + std::to_string(static_cast<unsigned>(error)) + "\n";
  }
  return log;
}

struct Line {
  const char* what;
  std::string bytes;
  std::string taken_for;
};

using enum FrameType;

const std::vector<Line> kLines = {
    {"data", frame(data, 0, 1, "ab"), "began 0/0@1:2\ndata 1 6162\n"},
    {"empty data", frame(data, 1, 3, ""), "began 0/1@3:0\ndata 3 \n"},
    {"padded data", frame(data, 8, 1, std::string("\2ab\0\0", 5)), "began 0/8@1:5\ndata 1 6162\n"},
    {"nothing but padding", frame(data, 8, 1, std::string("\2\0\0", 3)),
     "began 0/8@1:3\ndata 1 \n"},
    {"padding of no length", frame(data, 8, 1, std::string("\0a", 2)),
     "began 0/8@1:2\ndata 1 61\n"},
    {"padding longer than the frame", frame(data, 8, 1, "\3ab"), "began 0/8@1:3\nerror 1\n"},
    {"no room for the padding's length", frame(data, 8, 1, "") + "x", "began 0/8@1:0\nerror 6\n"},
    {"two frames", frame(data, 0, 1, "a") + frame(data, 0, 3, "b"),
     "began 0/0@1:1\ndata 1 61\nbegan 0/0@3:1\ndata 3 62\n"},
    {"data of no stream", frame(data, 0, 0, "a"), "error 1\n"},
    {"headers", frame(headers, 4, 1, "hh"), "began 1/4@1:2\nblock 6868\n"},
    {"headers of no length", frame(headers, 4, 1, ""), "began 1/4@1:0\nblock \n"},
    {"headers with priority", frame(headers, 0x24, 1, std::string("\0\0\0\0\x10hh", 7)),
     "began 1/36@1:7\nblock 6868\n"},
    {"headers with padding and priority",
     frame(headers, 0x2c, 1, std::string("\1\0\0\0\0\x10hh\0", 9)), "began 1/44@1:9\nblock 6868\n"},
    {"headers too short for their priority", frame(headers, 0x24, 1, "abcd"),
     "began 1/36@1:4\nerror 6\n"},
    {"headers of no stream", frame(headers, 4, 0, "hh"), "error 1\n"},
    {"headers in three frames",
     frame(headers, 0, 1, "a") + frame(continuation, 0, 1, "b") + frame(continuation, 4, 1, "c"),
     "began 1/0@1:1\nblock 616263\n"},
    {"continuation of nothing", frame(continuation, 4, 1, "a"), "error 1\n"},
    {"continuation of what has ended", frame(headers, 4, 1, "a") + frame(continuation, 4, 1, "b"),
     "began 1/4@1:1\nblock 61\nerror 1\n"},
    {"continuation of another stream", frame(headers, 0, 1, "a") + frame(continuation, 4, 3, "b"),
     "began 1/0@1:1\npart 61\nerror 1\n"},
    {"a frame inside a block", frame(headers, 0, 1, "a") + frame(ping, 0, 0, "01234567"),
     "began 1/0@1:1\npart 61\nerror 1\n"},
    {"priority", frame(priority, 0, 1, "abcde"), "control 2/0@1:5 6162636465\n"},
    {"priority of the wrong length", frame(priority, 0, 1, "abcd"), "error 6\n"},
    {"priority of no stream", frame(priority, 0, 0, "abcde"), "error 1\n"},
    {"reset", frame(rst_stream, 0, 1, u32(8)), "control 3/0@1:4 00000008\n"},
    {"reset of the wrong length", frame(rst_stream, 0, 1, "abc"), "error 6\n"},
    {"reset of no stream", frame(rst_stream, 0, 0, u32(8)), "error 1\n"},
    {"settings", frame(settings, 0, 0, setting(SettingId::initial_window_size, 9)),
     "control 4/0@0:6 000400000009\n"},
    {"acknowledged settings", frame(settings, 1, 0, ""), "control 4/1@0:0 \n"},
    {"an acknowledgement that says something", frame(settings, 1, 0, "abcdef"), "error 6\n"},
    {"settings of the wrong length", frame(settings, 0, 0, "abcde"), "error 6\n"},
    {"settings of a stream", frame(settings, 0, 1, ""), "error 1\n"},
    {"more settings than anybody has", frame(settings, 0, 0, std::string(33 * 6, '\0')),
     "error 11\n"},
    {"as many settings as may be", frame(settings, 0, 0, std::string(32 * 6, '\0')),
     "control 4/0@0:192 " + std::string(2 * 192, '0') + "\n"},
    {"push promise", frame(push_promise, 4, 1, "abcd"), "error 1\n"},
    {"ping", frame(ping, 0, 0, "01234567"), "control 6/0@0:8 3031323334353637\n"},
    {"ping of the wrong length", frame(ping, 0, 0, "0123456"), "error 6\n"},
    {"ping on a stream", frame(ping, 0, 1, "01234567"), "error 1\n"},
    {"goaway", frame(goaway, 0, 0, u32(1) + u32(0)), "control 7/0@0:8 0000000100000000\n"},
    {"goaway with a reason",
     frame(goaway, 0, 0, u32(1) + u32(0) + "bye") + frame(settings, 1, 0, ""),
     "control 7/0@0:11 0000000100000000\ncontrol 4/1@0:0 \n"},
    {"goaway that is too short", frame(goaway, 0, 0, "abc"), "error 6\n"},
    {"goaway on a stream", frame(goaway, 0, 1, u32(1) + u32(0)), "error 1\n"},
    {"window", frame(window_update, 0, 0, u32(5)), "control 8/0@0:4 00000005\n"},
    {"a stream's window", frame(window_update, 0, 7, u32(5)), "control 8/0@7:4 00000005\n"},
    {"window of the wrong length", frame(window_update, 0, 0, "abc"), "error 6\n"},
    {"a type of the future", frame(FrameType{77}, 3, 5, "whatever") + frame(settings, 1, 0, ""),
     "control 77/3@5:8 \ncontrol 4/1@0:0 \n"},
    {"as long as we said", frame(data, 0, 1, std::string(kFrameBytesMax, 'x')),
     "began 0/0@1:20000\ndata 1 " +
         [] {
           std::string text;
           for (std::uint32_t i = 0; i < kFrameBytesMax; ++i) text += "78";
           return text;
         }() +
         "\n"},
    {"longer than we said", frame(data, 0, 1, std::string(kFrameBytesMax + 1, 'x')), "error 6\n"},
};

TEST(FrameReader, TakesBytesForWhatTheyAre) {
  for (const Line& line : kLines) {
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 1000U, 1'000'000U}) {
      EXPECT_EQ(read(line.bytes, piece), line.taken_for) << line.what << ", pieces of " << piece;
    }
  }
}

TEST(FrameReader, TheReservedBitOfAStreamIsIgnored) {
  std::string bytes = frame(data, 0, 1, "z");
  bytes[5] = '\x80';
  EXPECT_EQ(read(bytes, 100), "began 0/0@1:1\ndata 1 7a\n");
}

TEST(FrameReader, EndlessHeadersEnd) {
  std::string bytes = frame(headers, 0, 1, "a");
  for (int i = 0; i < 100; ++i) bytes += frame(continuation, 0, 1, "");
  EXPECT_TRUE(read(bytes, 9).ends_with("error 11\n"));
}

TEST(FrameReader, ThePrefaceComesFirstAndSettingsFollow) {
  for (const std::size_t piece : {1U, 5U, 100U}) {
    Recorder recorder;
    FrameReader reader(kFrameBytesMax);
    const std::string bytes = greeting();
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      EXPECT_EQ(reader.read(as_span(std::string_view(bytes).substr(at, piece)), recorder),
                Http2Error::none);
    }
    EXPECT_EQ(recorder.take(), "control 4/0@0:0 \n");
  }
  for (const std::string& wrong : {std::string(kHttp2Preface) + frame(ping, 0, 0, "01234567"),
                                   std::string(kHttp2Preface) + frame(settings, kFlagAck, 0, ""),
                                   std::string(kHttp2Preface) + frame(data, 0, 1, "")}) {
    Recorder recorder;
    FrameReader reader(kFrameBytesMax);
    EXPECT_EQ(reader.read(as_span(wrong), recorder), Http2Error::protocol);
    EXPECT_FALSE(reader.bad_preface());
    EXPECT_EQ(recorder.take(), "");
  }
  Recorder recorder;
  FrameReader reader(kFrameBytesMax);
  EXPECT_EQ(reader.read(as_span("PRI * HTTP/1.1"), recorder), Http2Error::protocol);
  EXPECT_TRUE(reader.bad_preface());
}

TEST(FrameReader, StopsWhenItIsTold) {
  Recorder recorder;
  FrameReader reader(kFrameBytesMax);
  recorder.answer = Http2Error::internal;
  EXPECT_EQ(reader.read(as_span(greeting() + greeting()), recorder), Http2Error::internal);
  EXPECT_EQ(recorder.take(), "control 4/0@0:0 \n");
}

// Whoever remembers blocks needs them whole.
TEST(FrameReader, SmallBlocksComeWholeHoweverTheyWereReceived) {
  const std::string bytes = frame(headers, 4, 1, std::string(FrameReader::kKeptBytes, 'b')) +
                            frame(headers, 4, 3, std::string(FrameReader::kKeptBytes + 1, 'b'));
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    Recorder recorder;
    FrameReader reader(kFrameBytesMax);
    reader.read(as_span(greeting()), recorder);
    reader.read(as_span(std::string_view(bytes).substr(0, cut)), recorder);
    reader.read(as_span(std::string_view(bytes).substr(cut)), recorder);
    EXPECT_GE(recorder.wholes, 1) << cut;
  }
}

}  // namespace
}  // namespace mlops::testing
