#include <gtest/gtest.h>

#include "decoding.h"
#include "protocol/json_text.h"

namespace mlops {
namespace {

using testing::dense;
using testing::strings;
using testing::text_of;

Response response_with(std::vector<NamedTensor> outputs) {
  Response response;
  response.model = "m";
  response.version = 3;
  response.outputs = std::move(outputs);
  return response;
}

TEST(HttpEncode, JsonAnswer) {
  Response response = response_with({
      {"y", dense<float>(DType::f32, Shape{2, 2}, {0.1F, -0.0F, 1e30F, 3})},
      {"s", strings(Shape{2}, {"a\"\n\x01", "é"})},
      {"b", dense<std::uint8_t>(DType::boolean, Shape{2}, {1, 0})},
  });
  response.id = "r\"1";
  response.parameters = {{"p", true}, {"q", std::int64_t{-5}}, {"r", 0.5}, {"t", std::string("x")}};
  const auto reply = encode_http_infer(response, {});
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->json,
            R"({"model_name":"m","model_version":"3","id":"r\"1",)"
            R"("parameters":{"p":true,"q":-5,"r":0.5,"t":"x"},"outputs":[)"
            R"({"name":"y","datatype":"FP32","shape":[2,2],"data":[0.1,-0.0,1e+30,3.0]},)"
            R"({"name":"s","datatype":"BYTES","shape":[2],"data":["a\"\n\u0001","é"]},)"
            R"({"name":"b","datatype":"BOOL","shape":[2],"data":[true,false]}]})");
  EXPECT_FALSE(reply->has_binary);
  EXPECT_EQ(reply->size(), reply->json.size());
}

TEST(HttpEncode, BinaryOutputsFollowInOrderAndShareTheirMemory) {
  const Tensor first = dense<float>(DType::f32, Shape{2}, {1, 2});
  const Tensor half = dense<std::uint16_t>(DType::f16, Shape{1}, {0x3C00});
  const Response response = response_with(
      {{"y", first}, {"j", dense<std::int8_t>(DType::i8, Shape{1}, {-1})}, {"h", half}});
  OutputPlan plan;
  plan.forms.resize(3);
  plan.forms[0].binary = plan.forms[2].binary = true;
  const auto reply = encode_http_infer(response, plan);
  ASSERT_TRUE(reply.ok());
  EXPECT_EQ(reply->json,
            R"({"model_name":"m","model_version":"3","outputs":[)"
            R"({"name":"y","datatype":"FP32","shape":[2],"parameters":{"binary_data_size":8}},)"
            R"({"name":"j","datatype":"INT8","shape":[1],"data":[-1]},)"
            R"({"name":"h","datatype":"FP16","shape":[1],"parameters":{"binary_data_size":2}}]})");
  EXPECT_TRUE(reply->has_binary);
  ASSERT_EQ(reply->binary.size(), 2u);
  EXPECT_EQ(reply->binary[0].bytes.data(), first.bytes.data());
  EXPECT_EQ(text_of(reply->binary[1]), text_of(half));
  EXPECT_EQ(reply->size(), reply->json.size() + 10);
}

TEST(HttpEncode, AnEmptyBinaryOutputNeedsNoHeader) {
  OutputPlan plan;
  plan.binary_default = true;
  const auto reply =
      encode_http_infer(response_with({{"y", dense<float>(DType::f32, Shape{0, 2}, {})}}), plan);
  ASSERT_TRUE(reply.ok());
  EXPECT_FALSE(reply->has_binary);
  EXPECT_NE(reply->json.find("\"binary_data_size\":0"), std::string::npos);
}

TEST(HttpEncode, NonFiniteFloatsAreWordsThatClientsRead) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  const auto reply = encode_http_infer(
      response_with({{"y", dense<float>(DType::f32, Shape{4}, {nan, -nan, inf, -inf})}}), {});
  ASSERT_TRUE(reply.ok());
  EXPECT_NE(reply->json.find("[NaN,NaN,Infinity,-Infinity]"), std::string::npos) << reply->json;
}

TEST(HttpEncode, WhatJsonCannotCarryIsRefused) {
  const auto half = encode_http_infer(
      response_with({{"h", dense<std::uint16_t>(DType::bf16, Shape{1}, {0})}}), {});
  EXPECT_EQ(half.status().code(), Code::invalid_argument);
  EXPECT_EQ(half.status().message(),
            "sending BF16 data via JSON is not supported. Please use the binary data format for "
            "output 'h'");
  const auto bytes = encode_http_infer(response_with({{"s", strings(Shape{1}, {"\xff"})}}), {});
  EXPECT_EQ(bytes.status().code(), Code::invalid_argument);
}

TEST(HttpEncode, Errors) {
  EXPECT_EQ(encode_http_error(Status::not_found("no \"x\""), ""), R"({"error":"no \"x\""})");
  EXPECT_EQ(encode_http_error(Status::internal("broken"), "7"),
            R"({"error":"[request id: 7] broken"})");
  EXPECT_EQ(encode_http_error(Status::internal("bad \xff\xc3"), ""),
            "{\"error\":\"bad \xEF\xBF\xBD\xEF\xBF\xBD\"}");
}

TEST(HttpEncode, ManyNumbersAcrossBlocks) {
  std::vector<std::int64_t> values(1000);
  std::string expected = "[";
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = INT64_MIN + static_cast<std::int64_t>(i);
    expected += (i == 0 ? "" : ",") + std::to_string(values[i]);
  }
  std::string out;
  ASSERT_TRUE(append_json_data(out, dense(DType::i64, Shape{1000}, values)));
  EXPECT_EQ(out, expected + "]");
}

}  // namespace
}  // namespace mlops
