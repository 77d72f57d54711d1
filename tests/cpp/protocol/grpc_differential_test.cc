// The hand-written decoder against the generated one, on random messages and on broken ones.
#include <gtest/gtest.h>

#include <random>

#include "decoding.h"
#include "grpc_reference.h"
#include "protocol/grpc_cold.h"
#include "protocol/wire_writer.h"

namespace mlops {
namespace {

using inference::InferParameter;
using inference::ModelInferRequest;
using testing::decode_grpc;
using testing::disagreement;

class MessageMaker {
 public:
  explicit MessageMaker(std::uint64_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  std::uint64_t bits() { return random_(); }

  std::string word() {
    constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz_0123456789";
    std::string text;
    for (std::uint64_t i = below(20); i > 0; --i) text += kLetters[below(kLetters.size())];
    return below(8) == 0 ? text + "é入" : text;
  }

  void fill(InferParameter& value) {
    switch (below(4)) {
      case 0:
        return value.set_bool_param(below(2) == 1);
      case 1:
        return value.set_int64_param(static_cast<std::int64_t>(bits()));
      case 2:
        return value.set_string_param(word());
      default:
        return value.set_double_param(static_cast<double>(bits()) / 3);
    }
  }

  ModelInferRequest request() {
    ModelInferRequest made;
    made.set_model_name(word());
    if (below(2)) made.set_model_version(std::to_string(below(100)));
    if (below(2)) made.set_id(word());
    for (std::uint64_t i = below(4); i > 0; --i) fill((*made.mutable_parameters())["p" + word()]);
    if (below(4) == 0) (*made.mutable_parameters())["timeout"].set_int64_param(5);
    const bool raw = below(2) == 1;
    for (std::uint64_t i = below(4); i > 0; --i) add_input(made, raw);
    for (std::uint64_t i = below(3); i > 0; --i) {
      auto& output = *made.add_outputs();
      output.set_name(word() + std::to_string(i));
      if (below(2)) fill((*output.mutable_parameters())["q" + word()]);
    }
    return made;
  }

 private:
  void add_input(ModelInferRequest& request, bool raw) {
    auto& input = *request.add_inputs();
    input.set_name(word());
    const auto dtype = static_cast<DType>(below(kDTypeCount));
    const bool only_raw = dtype == DType::f16 || dtype == DType::bf16;
    const DType used = only_raw && !raw ? DType::f32 : dtype;
    input.set_datatype(std::string(kserve_name(used)));
    for (std::uint64_t i = below(5); i > 0; --i)
      input.add_shape(static_cast<std::int64_t>(below(9)));
    if (below(3) == 0) fill((*input.mutable_parameters())["r" + word()]);
    const std::uint64_t count = below(20);
    if (raw) {
      std::string bytes;
      for (std::uint64_t i = 0; i < count; ++i) bytes += static_cast<char>(bits());
      request.add_raw_input_contents(bytes);
      return;
    }
    auto& contents = *input.mutable_contents();
    for (std::uint64_t i = 0; i < count; ++i) add_element(contents, used);
  }

  void add_element(inference::InferTensorContents& contents, DType dtype) {
    const std::uint64_t value = bits();
    switch (dtype) {
      case DType::boolean:
        return contents.add_bool_contents(value % 2 == 1);
      case DType::i8:
        return contents.add_int_contents(static_cast<std::int8_t>(value));
      case DType::i16:
        return contents.add_int_contents(static_cast<std::int16_t>(value));
      case DType::i32:
        return contents.add_int_contents(static_cast<std::int32_t>(value));
      case DType::i64:
        return contents.add_int64_contents(static_cast<std::int64_t>(value));
      case DType::u8:
        return contents.add_uint_contents(static_cast<std::uint8_t>(value));
      case DType::u16:
        return contents.add_uint_contents(static_cast<std::uint16_t>(value));
      case DType::u32:
        return contents.add_uint_contents(static_cast<std::uint32_t>(value));
      case DType::u64:
        return contents.add_uint64_contents(value);
      case DType::f64:
        return contents.add_fp64_contents(static_cast<double>(value));
      case DType::bytes:
        return contents.add_bytes_contents(word());
      default:
        return contents.add_fp32_contents(static_cast<float>(value));
    }
  }

  std::mt19937_64 random_;
};

class GrpcDifferential : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { silence_protobuf_log(); }
};

TEST_F(GrpcDifferential, WellFormedMessagesReadTheSame) {
  MessageMaker maker(11);
  for (int round = 0; round < 20'000; ++round) {
    const ModelInferRequest request = maker.request();
    const std::string message = request.SerializeAsString();
    const auto got = decode_grpc(message);
    ASSERT_TRUE(got.status.ok()) << got.error();
    ASSERT_EQ(disagreement(message, got.status, got.call), "");
  }
}

// Two messages one after the other are their merge: scalars from the last, lists appended.
TEST_F(GrpcDifferential, ConcatenatedMessagesMerge) {
  MessageMaker maker(12);
  std::size_t accepted = 0;
  for (int round = 0; round < 5'000; ++round) {
    const std::string message =
        maker.request().SerializeAsString() + maker.request().SerializeAsString();
    const auto got = decode_grpc(message);
    accepted += got.status.ok();
    ASSERT_EQ(disagreement(message, got.status, got.call), "") << got.error();
  }
  EXPECT_GT(accepted, 1'000u);
}

TEST_F(GrpcDifferential, BrokenMessagesAreJudgedTheSame) {
  MessageMaker maker(13);
  std::size_t accepted = 0;
  std::size_t malformed = 0;
  for (int round = 0; round < 100'000; ++round) {
    std::string message = maker.request().SerializeAsString();
    for (std::uint64_t edits = 1 + maker.below(3); edits > 0 && !message.empty(); --edits) {
      const std::size_t at = maker.below(message.size());
      const auto byte = static_cast<char>(maker.bits());
      switch (maker.below(4)) {
        case 0:
          message[at] = byte;
          break;
        case 1:
          message.erase(at, 1 + maker.below(4));
          break;
        case 2:
          message.insert(at, 1, byte);
          break;
        default:
          message.resize(at);
      }
    }
    const auto got = decode_grpc(message);
    accepted += got.status.ok();
    malformed += got.error().starts_with("malformed");
    ASSERT_EQ(disagreement(message, got.status, got.call), "") << round;
  }
  EXPECT_GT(accepted, 5'000u);
  EXPECT_GT(malformed, 20'000u);
}

TEST_F(GrpcDifferential, OddWireFormsAreJudgedTheSame) {
  using namespace std::string_literals;
  std::string deep_group;
  for (int i = 0; i < 99; ++i) deep_group += "\x53";  // group 10 starts
  std::string closed = deep_group;
  for (int i = 0; i < 99; ++i) closed += "\x54";
  const std::vector<std::string> messages = {
      "",
      "\x53\x54"s,          // an empty group
      "\x53\x08\x01\x54"s,  // a group with a field
      "\x53\x08\x01\x5c"s,  // closed by another number
      "\x54"s,              // an end without a start
      "\x53"s,              // never closed
      deep_group,
      closed,
      "\x53" + closed + "\x54",          // 100 deep
      "\x53\x53" + closed + "\x54\x54",  // 101 deep
      "\x2a" + std::string(1, char((closed.size() & 0x7F) | 0x80)) + "\x01" + closed,
      "\0"s,
      "\x02\x00"s,
      "\x07"s,
      "\x0f\x00"s,                                      // field 0, wire types 6 and 7
      "\x50\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"s,  // the longest varint
      "\x50\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f"s,  // bits beyond 64
      "\x50\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"s,
      "\xd0\x80\x80\x80\x70\x01"s,       // a tag with bits beyond 32
      "\x8a\x80\x80\x80\x00\x01m"s,      // field 1, padded tag
      "\x8a\x80\x80\x80\x80\x00\x01m"s,  // padded too far
      "\x0a\x81\x80\x80\x80\x00m"s,      // padded length
      "\x0a\x81\x80\x80\x80\x80\x00m"s,
      "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s,  // a length near 2^64
      "\x08\x01"s,                                      // field 1 as a varint: unknown, skipped
      "\x0a\x02\xc3\x28"s,                              // a name that is not UTF-8
      "\x22\x00"s,
      "\x22\x02\x12\x00"s,  // parameters without a key, without a value
      "\x22\x06\x0a\x01k\x12\x01\x08"s,
      "\x22\x09\x0a\x01k\x12\x04\x08\x01\x10\x05"s,  // two choices: the last one counts
      "\x22\x07\x0a\x01k\x12\x02\x10\x01\x22\x07\x0a\x01k\x12\x02\x10\x02"s,  // a key twice
      "\x22\x0b\x0a\x01k\x12\x02\x10\x01\x12\x02\x10\x02"s,                   // a value twice
  };
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto got = decode_grpc(messages[i]);
    EXPECT_EQ(disagreement(messages[i], got.status, got.call), "") << i << " " << got.error();
  }
}

}  // namespace
}  // namespace mlops
