// The pure parts: header text, message assembly, reply slicing.

#include <gtest/gtest.h>

#include <cstring>

#include "grpc/grpc_names.h"
#include "grpc/grpc_text.h"
#include "grpc/message_assembler.h"
#include "grpc/reply_body.h"

namespace mlops {
namespace {

using namespace std::chrono_literals;

TEST(GrpcText, TimeoutsAreReadInEveryUnit) {
  EXPECT_EQ(parse_grpc_timeout("2H"), Duration(2h));
  EXPECT_EQ(parse_grpc_timeout("3M"), Duration(3min));
  EXPECT_EQ(parse_grpc_timeout("4S"), Duration(4s));
  EXPECT_EQ(parse_grpc_timeout("5m"), Duration(5ms));
  EXPECT_EQ(parse_grpc_timeout("6u"), Duration(6us));
  EXPECT_EQ(parse_grpc_timeout("7n"), Duration(7ns));
  EXPECT_GT(parse_grpc_timeout("99999999H"), Duration(24h * 365 * 99));  // no overflow
  for (const char* bad : {"", "1", "S", "-1S", "1x", "1.5S", "123456789S", " 1S", "1 S"}) {
    EXPECT_FALSE(parse_grpc_timeout(bad).has_value()) << bad;
  }
}

TEST(GrpcText, MessagesArePercentEncodedAndBounded) {
  EXPECT_EQ(encode_grpc_message("plain: [1,2]"), "plain: [1,2]");
  EXPECT_EQ(encode_grpc_message("50%\n\xC3\xA9"), "50%25%0A%C3%A9");
  EXPECT_LE(encode_grpc_message(std::string(10'000, '\n'), 100).size(), 100U);
}

TEST(GrpcNames, CoverTheirRanges) {
  for (std::size_t i = 0; i < kGrpcMethodCount; ++i) EXPECT_FALSE(grpc_method_name(i).empty());
  EXPECT_EQ(grpc_status_name(0), "OK");
  EXPECT_EQ(grpc_status_name(16), "UNAUTHENTICATED");
  EXPECT_EQ(grpc_status_name(99), "UNKNOWN");
}

class AssemblerTest : public ::testing::Test {
 protected:
  Status add(std::string_view bytes) {
    const Buffer chunk = allocate_buffer(bytes.size());
    std::memcpy(chunk->data(), bytes.data(), bytes.size());
    return assembler.add(writable(chunk), chunk, 1000, pool, copies);
  }
  std::string message() const {
    const auto bytes = assembler.message();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  MessageAssembler assembler;
  SlabPool pool{1 << 20};
  CopyMeter copies;
};

TEST_F(AssemblerTest, MessageInOnePieceIsNotCopied) {
  EXPECT_TRUE(add(std::string("\0\0\0\0\x05hello", 10)).ok());
  EXPECT_TRUE(assembler.complete());
  EXPECT_EQ(message(), "hello");
  EXPECT_EQ(copies.total(CopySite::http_body), 0U);
}

TEST_F(AssemblerTest, MessageIsTheSameHoweverItIsCut) {
  const std::string bytes("\0\0\0\0\x05hello", 10);
  for (std::size_t first = 0; first <= bytes.size(); ++first) {
    for (std::size_t second = first; second <= bytes.size(); ++second) {
      assembler.reset();
      EXPECT_TRUE(add(bytes.substr(0, first)).ok());
      EXPECT_TRUE(add(bytes.substr(first, second - first)).ok());
      EXPECT_TRUE(add(bytes.substr(second)).ok());
      ASSERT_TRUE(assembler.complete());
      EXPECT_EQ(message(), "hello");
    }
  }
}

TEST_F(AssemblerTest, EmptyMessageIsComplete) {
  EXPECT_TRUE(assembler.empty());
  EXPECT_TRUE(add(std::string("\0\0\0\0\0", 5)).ok());
  EXPECT_TRUE(assembler.complete());
  EXPECT_FALSE(assembler.empty());
}

TEST_F(AssemblerTest, RefusesWhatItCannotTake) {
  EXPECT_EQ(add(std::string("\x02\0\0\0\x01x", 6)).code(), Code::internal);
  assembler.reset();
  EXPECT_EQ(add(std::string("\0\0\0\x03\xe9", 5)).code(), Code::resource_exhausted);
  assembler.reset();
  EXPECT_EQ(add(std::string("\0\xff\xff\xff\xff", 5)).code(), Code::resource_exhausted);
  assembler.reset();
  EXPECT_EQ(add(std::string("\0\0\0\0\x01xy", 7)).code(), Code::internal);
}

TEST_F(AssemblerTest, RefusesWhenThePoolIsEmpty) {
  SlabPool none(0);
  const Buffer chunk = allocate_buffer(5);
  std::memcpy(chunk->data(), "\0\0\0\0\x64", 5);
  EXPECT_EQ(assembler.add(writable(chunk), chunk, 1000, none, copies).code(),
            Code::resource_exhausted);
}

TEST(ReplyBody, GivesOutTheSameBytesInAnySlices) {
  const std::string first(40, 'f');
  const std::string second(7, 's');
  const auto tensor = [](const std::string& bytes) {
    Tensor made;
    made.owner = allocate_buffer(bytes.size());
    std::memcpy(made.owner->data(), bytes.data(), bytes.size());
    made.bytes = writable(made.owner);
    return made;
  };
  const auto make = [&] {
    GrpcInferReply reply;
    reply.text = "head-mid-tail";
    reply.pieces.push_back({5, tensor(first)});
    reply.pieces.push_back({9, tensor("")});
    reply.pieces.push_back({9, tensor(second)});
    reply.size = reply.text.size() + first.size() + second.size();
    return reply;
  };
  const std::string expected = "head-" + first + "mid-" + second + "tail";
  for (std::size_t slice = 1; slice <= expected.size(); ++slice) {
    ReplyBody body;
    body.set(make());
    OutQueue out;
    while (body.left() > 0) body.take(std::min(slice, body.left()), out);
    EXPECT_EQ(out.take_all(), expected) << slice;
  }
}

}  // namespace
}  // namespace mlops
