#include <gtest/gtest.h>

#include "decoding.h"
#include "grpc_reference.h"

namespace mlops {
namespace {

using testing::dense;
using testing::text_of;

// The transport's view: the pieces in order.
std::string gathered(const GrpcInferReply& reply) {
  std::string out;
  std::size_t at = 0;
  for (const auto& piece : reply.pieces) {
    out.append(reply.text, at, piece.text_end - at).append(text_of(piece.tensor));
    at = piece.text_end;
  }
  return out.append(reply.text, at);
}

inference::ModelInferResponse parsed(const GrpcInferReply& reply) {
  const std::string framed = gathered(reply);
  EXPECT_EQ(framed.size(), reply.size);
  EXPECT_EQ(framed[0], 0);
  std::size_t length = 0;
  for (std::size_t i = 1; i < kGrpcPrefixBytes; ++i) {
    length = length << 8 | static_cast<unsigned char>(framed[i]);
  }
  EXPECT_EQ(length, framed.size() - kGrpcPrefixBytes);
  inference::ModelInferResponse message;
  EXPECT_TRUE(message.ParseFromString(framed.substr(kGrpcPrefixBytes)));
  return message;
}

TEST(GrpcEncode, ProtobufReadsWhatWeWrite) {
  Response response;
  response.model = "m";
  response.version = 12;
  response.id = "r";
  response.parameters = {{"b", false},
                         {"i", std::int64_t{-1}},
                         {"u", std::uint64_t{UINT64_MAX}},
                         {"d", 0.5},
                         {"s", std::string("text")}};
  const Tensor large = dense(DType::f32, Shape{100, 2}, std::vector<float>(200, 1.5F));
  response.outputs = {{"y", large},
                      {"empty", dense<float>(DType::f32, Shape{0}, {})},
                      {"scalar", dense<std::int64_t>(DType::i64, Shape{}, {-7})}};
  const auto reply = encode_grpc_infer(response);
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->pieces[0].tensor.bytes.data(), large.bytes.data());

  const auto message = parsed(*reply);
  EXPECT_EQ(message.model_name(), "m");
  EXPECT_EQ(message.model_version(), "12");
  EXPECT_EQ(message.id(), "r");
  EXPECT_EQ(message.parameters().size(), 5u);
  for (const Parameter& parameter : response.parameters) {
    EXPECT_EQ(testing::describe(message.parameters().at(parameter.name)),
              testing::describe(parameter.value));
  }
  ASSERT_EQ(message.outputs_size(), 3);
  ASSERT_EQ(message.raw_output_contents_size(), 3);
  for (int i = 0; i < 3; ++i) {
    const NamedTensor& output = response.outputs[static_cast<std::size_t>(i)];
    EXPECT_EQ(message.outputs(i).name(), output.name);
    EXPECT_EQ(message.outputs(i).datatype(), kserve_name(output.tensor.dtype));
    EXPECT_TRUE(std::ranges::equal(message.outputs(i).shape(), output.tensor.shape.dims()));
    EXPECT_EQ(message.raw_output_contents(i), text_of(output.tensor));
  }
}

TEST(GrpcEncode, NoOutputsAndNoId) {
  Response response;
  response.model = "m";
  response.version = 1;
  const auto reply = encode_grpc_infer(response);
  ASSERT_TRUE(reply.ok());
  const auto message = parsed(*reply);
  EXPECT_EQ(message.outputs_size(), 0);
  EXPECT_EQ(message.id(), "");
}

TEST(GrpcEncode, AMessageOverTwoGigabytesIsRefused) {
  static const std::byte kByte{};
  Response response;
  response.model = "m";
  Tensor huge;
  huge.bytes = {&kByte, std::size_t{1} << 31};  // only its size is read
  response.outputs = {{"y", huge}};
  EXPECT_EQ(encode_grpc_infer(response).status().code(), Code::resource_exhausted);
}

}  // namespace
}  // namespace mlops
