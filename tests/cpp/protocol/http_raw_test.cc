#include <gtest/gtest.h>

#include "decoding.h"

namespace mlops {
namespace {

using testing::bytes_of;
using testing::decode_http;
using testing::spec;
using testing::values_of;

ModelInfo model(std::vector<TensorSpec> inputs, bool batchable) {
  ModelInfo info;
  info.name = "raw";
  info.signature.inputs = std::move(inputs);
  info.batchable = batchable;
  return info;
}

TEST(HttpRaw, TheBodyIsTheOneInput) {
  const ModelInfo info = model({spec("in", DType::f32, {kAnySize, 3})}, true);
  const auto got = decode_http(bytes_of<float>({1, 2, 3}), "0", &info);
  ASSERT_TRUE(got.status.ok()) << got.error();
  EXPECT_EQ(got.request().inputs[0].name, "in");
  EXPECT_EQ(got.input().shape, (Shape{1, 3}));
  EXPECT_EQ(values_of<float>(got.input()), (std::vector<float>{1, 2, 3}));
  EXPECT_TRUE(got.call.outputs.is_binary(0));
  EXPECT_EQ(got.input().bytes.data(), got.request().keep_alive.front()->data());
  EXPECT_TRUE(is_raw_binary_request("0"));
  EXPECT_FALSE(is_raw_binary_request(std::nullopt));
}

TEST(HttpRaw, OneOpenDimIsDeducedFromTheSize) {
  const ModelInfo batched = model({spec("in", DType::i16, {kAnySize, kAnySize, 2})}, true);
  const auto rows = decode_http(bytes_of<std::int16_t>({1, 2, 3, 4, 5, 6}), "0", &batched);
  ASSERT_TRUE(rows.status.ok()) << rows.error();
  EXPECT_EQ(rows.input().shape, (Shape{1, 3, 2}));
  const ModelInfo single = model({spec("in", DType::i16, {kAnySize, 2})}, false);
  EXPECT_EQ(decode_http(bytes_of<std::int16_t>({1, 2}), "0", &single).input().shape, (Shape{1, 2}));
  EXPECT_FALSE(decode_http("123", "0", &single).status.ok());
}

TEST(HttpRaw, WhatCannotBeDeducedIsSaid) {
  const ModelInfo two = model({spec("a", DType::f32, {1}), spec("b", DType::f32, {1})}, false);
  EXPECT_EQ(decode_http("1234", "0", &two).error(),
            "Raw request must only have 1 input (found 1) to be deduced but got 2 inputs in 'raw' "
            "model configuration");
  const ModelInfo open = model({spec("in", DType::f32, {kAnySize, kAnySize})}, false);
  EXPECT_EQ(decode_http("1234", "0", &open).error(),
            "The shape of the raw input 'in' can not be deduced because there are more than one "
            "variable-sized dimension");
  TensorSpec unknown;
  unknown.name = "in";
  unknown.rank_known = false;
  const ModelInfo shapeless = model({unknown}, false);
  EXPECT_FALSE(decode_http("1234", "0", &shapeless).status.ok());
  const ModelInfo empty = model({spec("in", DType::f32, {kAnySize, 0})}, false);
  EXPECT_FALSE(decode_http("1234", "0", &empty).status.ok());
}

TEST(HttpRaw, AStringInputTakesTheBodyAsItsElement) {
  const ModelInfo info = model({spec("text", DType::bytes, {kAnySize, 1})}, true);
  const auto got = decode_http("hello", "0", &info);
  ASSERT_TRUE(got.status.ok()) << got.error();
  EXPECT_EQ(got.input().shape, (Shape{1, 1}));
  EXPECT_EQ(testing::strings_of(got.input()), (std::vector<std::string>{"hello"}));
  EXPECT_EQ(testing::strings_of(decode_http("", "0", &info).input()),
            (std::vector<std::string>{""}));
  const ModelInfo wide = model({spec("text", DType::bytes, {kAnySize, 2})}, true);
  EXPECT_EQ(decode_http("hello", "0", &wide).error(),
            "For BYTE datatype raw input 'text', the model must have input shape [1]");
}

TEST(HttpRaw, TheSizeIsLimited) {
  const ModelInfo info = model({spec("in", DType::u8, {kAnySize})}, false);
  DecodeLimits limits;
  limits.body_bytes_max = 4;
  EXPECT_TRUE(decode_http("1234", "0", &info, limits).status.ok());
  EXPECT_NE(decode_http("12345", "0", &info, limits)
                .error()
                .find("Raw input has a byte_size (5 bytes) that exceeds the maximum allowed value"),
            std::string::npos);
}

}  // namespace
}  // namespace mlops
