#include "loadgen/grpc_message.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "loadgen/expectation.h"
#include "loadgen_support.h"

namespace mlops::loadgen {
namespace {

// What protoc's Python runtime wrote for the same request, so that encoder and test do not share
// one mistake: ModelInferRequest(model_name="m", inputs=[InferInputTensor(name="x",
// datatype="INT8", shape=[1, 300])], raw_input_contents=[...]) with the 300 bytes of contents left
// out here.
TEST(GrpcMessage, EncodesAsProtobufDoes) {
  const TemporaryFile file(std::string(300, 'z'));
  const auto payload = std::get<Payload>(Payload::load({{"x", "INT8", {1, 300}, file.path()}}));
  const std::string framed = encode_grpc_request({"m", ""}, payload, 0);
  const std::string_view head(
      "\x00\x00\x00\x01\x42\x0a\x01m*\x0e\x0a\x01x\x12\x04INT8\x1a\x03\x01\xac\x02:\xac\x02", 27);
  EXPECT_EQ(framed.substr(0, head.size()), head);
  EXPECT_EQ(framed.substr(head.size()), std::string(300, 'z'));
}

TEST(GrpcMessage, TakesAllRawOutputsInOrder) {
  const std::string_view message("\x0a\x01m\x32\x02hi\x2a\x00\x32\x03you\x18\x05", 16);
  const std::string framed = std::string("\0\0\0\0\x10", 5) + std::string(message);
  EXPECT_EQ(grpc_output_bytes(framed), "hiyou");
}

TEST(GrpcMessage, RefusesEveryTruncation) {
  const std::string framed = std::string("\0\0\0\0\x07", 5) + "\x32\x05hello";
  ASSERT_EQ(grpc_output_bytes(framed), "hello");
  for (std::size_t bytes = 0; bytes < framed.size(); ++bytes) {
    EXPECT_FALSE(grpc_output_bytes(std::string_view(framed).substr(0, bytes))) << bytes;
  }
  EXPECT_FALSE(grpc_output_bytes(framed + "x"));
  std::string compressed = framed;
  compressed[0] = 1;
  EXPECT_FALSE(grpc_output_bytes(compressed));
}

TEST(Expectation, ExactOrWithinTolerance) {
  const float want[] = {1.0f, 1000.0f};
  const float close[] = {1.0f, 1000.001f};
  const auto bytes = [](const float(&values)[2]) {
    return std::string(reinterpret_cast<const char*>(values), sizeof(values));
  };
  const Expectation exact = Expectation::of(bytes(want), 1, 0);
  const Expectation loose = Expectation::of(bytes(want), 1, 1e-5);
  EXPECT_TRUE(exact.accepts(0, bytes(want)));
  EXPECT_FALSE(exact.accepts(0, bytes(close)));
  EXPECT_TRUE(loose.accepts(0, bytes(close)));
  EXPECT_FALSE(loose.accepts(0, std::string(4, '\0')));
  // The same bytes as an exact tensor before an FP32 one: only the second may differ.
  const std::vector<Segment> mixed = {{4, false}, {4, true}};
  const Expectation tail = Expectation::of(bytes(want), 1, 1e-5, mixed);
  EXPECT_TRUE(tail.accepts(0, bytes(close)));
  const float head_off[] = {1.000001f, 1000.0f};
  EXPECT_TRUE(loose.accepts(0, bytes(head_off)));
  EXPECT_FALSE(tail.accepts(0, bytes(head_off)));
  EXPECT_TRUE(Expectation().accepts(0, std::string("anything")));
}

}  // namespace
}  // namespace mlops::loadgen
