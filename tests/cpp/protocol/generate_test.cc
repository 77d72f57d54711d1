#include "protocol/generate.h"

#include <gtest/gtest.h>

#include "decoding.h"

namespace mlops::testing {
namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

ModelInfo language_model() {
  ModelInfo info;
  info.name = "llm";
  info.signature.inputs = {spec("PROMPT", DType::bytes, {1, 1}),
                           spec("STREAM", DType::boolean, {1}),
                           spec("ids", DType::i32, {kAnySize, 2, kAnySize})};
  return info;
}

Decoded<HttpInferCall> decode(std::string_view body, const DecodeLimits& limits = {}) {
  Decoded<HttpInferCall> made;
  const ModelInfo model = language_model();
  Buffer owner = buffer_of(body);
  const std::span<const std::byte> bytes = writable(owner);
  made.status = decode_generate(std::move(owner), bytes, model, limits, *made.copies, made.call);
  return made;
}

TEST(Generate, MapsKeysToInputsAndTheRestToParameters) {
  const auto got = decode(R"({"id":"42","PROMPT":"hello \u00e9","STREAM":false,"temperature":0.5,
      "parameters":{"ids":[1,2,3,4],"top_k":7,"timeout":900}, "name":"x"})");
  ASSERT_TRUE(got.status.ok()) << got.error();
  const Request& request = got.request();
  EXPECT_EQ(request.id, "42");
  EXPECT_EQ(got.call.timeout_us, 900U);
  ASSERT_EQ(request.inputs.size(), 3U);
  EXPECT_EQ(request.inputs[0].name, "PROMPT");
  EXPECT_EQ(request.inputs[0].tensor.shape, (Shape{1, 1}));
  EXPECT_EQ(strings_of(request.inputs[0].tensor), std::vector<std::string>{"hello \xc3\xa9"});
  EXPECT_EQ(values_of<char>(request.inputs[1].tensor), std::vector<char>{0});
  EXPECT_EQ(request.inputs[2].name, "ids");
  EXPECT_EQ(request.inputs[2].tensor.shape, (Shape{1, 2, 2}));
  EXPECT_EQ(values_of<std::int32_t>(request.inputs[2].tensor),
            (std::vector<std::int32_t>{1, 2, 3, 4}));
  ASSERT_EQ(request.parameters.size(), 3U);
  EXPECT_EQ(request.parameters[0].name, "temperature");
  EXPECT_EQ(std::get<std::int64_t>(request.parameters[1].value), 7);
  EXPECT_EQ(std::get<std::string>(request.parameters[2].value), "x");
}

TEST(Generate, NothingIsAnEmptyObject) {
  EXPECT_TRUE(decode("").status.ok());
  EXPECT_TRUE(decode("{}").status.ok());
  EXPECT_TRUE(decode("{}").request().inputs.empty());
}

TEST(Generate, ListsOfOneAndScalarsAreTheSame) {
  EXPECT_EQ(strings_of(decode(R"({"PROMPT":["a"]})").input()), std::vector<std::string>{"a"});
  EXPECT_EQ(strings_of(decode(R"({"PROMPT" : "a" })").input()), std::vector<std::string>{"a"});
}

TEST(Generate, WhatDoesNotFitIsExplained) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"PROMPT":123})", "attempt to access JSON non-string as string"},
      {R"({"PROMPT":[true]})", "attempt to access JSON non-string as string"},
      {R"({"STREAM":"false"})", "attempt to access JSON non-boolean as boolean"},
      {R"({"STREAM":123})", "attempt to access JSON non-boolean as boolean"},
      {R"({"ids":{"a":1}})", "attempt to access JSON non-number as number"},
      {R"({"ids":[[1,2]]})", "attempt to access JSON non-number as number"},
      {R"({"ids":[1,2,3]})", "The schema can not convert input 'ids' to tensor with proper shape"},
      {R"({"PROMPT":["a","b"]})", "The schema can not convert input 'PROMPT'"},
      {R"({"PROMPT":[]})", "The schema can not convert input 'PROMPT'"},
      {R"({"ids":[1.5,2]})", "'ids' is not"},
      {R"({"PROMPT":"a","PROMPT":"b"})", "input 'PROMPT' already exists in request"},
      {R"({"PROMPT":"a","parameters":{"PROMPT":"b"}})", "input 'PROMPT' already exists in request"},
      {R"({"parameters":3})", "Expected JSON object for keyword: 'parameters'"},
      {R"({"other":[1]})", "parameter 'other' has invalid type"},
      {R"({"other":null})", "parameter 'other' has invalid type"},
      {R"({"other":1,"other":2})", "parameter 'other' is given twice"},
      {R"({"id":1})", "attempt to access JSON non-string as string"},
      {R"({"triton_x":1})", "reserved"},
      {R"([1])", "failed to parse the request JSON"},
      {R"({"PROMPT":"a"} x)", "failed to parse the request JSON"},
      {R"({"PROMPT":"a")", "failed to parse the request JSON"},
  };
  for (const auto& [body, text] : cases) {
    const auto got = decode(body);
    EXPECT_EQ(got.status.code(), Code::invalid_argument) << body;
    EXPECT_TRUE(contains(got.error(), text)) << body << ": " << got.error();
  }
  DecodeLimits limits;
  limits.tensor_bytes_max = 8;
  EXPECT_TRUE(
      contains(decode(R"({"ids":[1,2,3,4]})", limits).error(), "exceeds the maximum allowed"));
  limits.body_bytes_max = 8;
  EXPECT_TRUE(contains(decode(R"({"PROMPT":"aaaaaaa"})", limits).error(),
                       "bytes exceeds the maximum allowed input size of"));
}

TEST(Generate, ShapesTakeTheirShare) {
  using Dims = std::vector<std::int64_t>;
  const auto shape = [](const Dims& dims, std::int64_t count) {
    return generate_shape(spec("x", DType::i32, dims), count);
  };
  EXPECT_EQ(shape({kAnySize}, 3), (Shape{3}));
  EXPECT_EQ(shape({kAnySize, 3}, 3), (Shape{1, 3}));
  EXPECT_EQ(shape({kAnySize, kAnySize, 2}, 6), (Shape{1, 3, 2}));
  EXPECT_EQ(shape({}, 1), Shape{});
  EXPECT_EQ(shape({kAnySize}, 0), (Shape{0}));
  EXPECT_EQ(shape({2}, 4), std::nullopt);
  EXPECT_EQ(shape({0}, 4), std::nullopt);
  EXPECT_EQ(shape({}, 2), std::nullopt);
}

TEST(Generate, AnswersFlat) {
  Response response;
  response.model = "llm";
  response.version = 3;
  response.id = "42";
  response.parameters = {{"finished", true}};
  response.outputs = {{"TEXT", strings(Shape{1, 1}, {"say \"hi\""})},
                      {"ids", dense(DType::i32, Shape{2}, std::vector<std::int32_t>{4, 5})},
                      {"none", dense<float>(DType::f32, Shape{0}, {})}};
  EXPECT_EQ(*encode_generate(response),
            R"({"id":"42","model_name":"llm","model_version":"3","finished":true,)"
            R"("TEXT":"say \"hi\"","ids":[4,5],"none":[]})");
  response.id.clear();
  response.outputs = {{"half", dense(DType::f16, Shape{1}, std::vector<std::uint16_t>{1})}};
  EXPECT_TRUE(contains(encode_generate(response).status().message(), "JSON cannot carry"));
}

TEST(StreamEncode, MarksTheLastAndCarriesTheError) {
  Response response;
  response.model = "m";
  response.version = 2;
  response.id = "r";
  response.outputs = {{"y", dense(DType::f32, Shape{1}, std::vector<float>{1.5F})}};
  const auto plain = encode_grpc_infer(response);
  const auto streamed = encode_grpc_stream_infer(std::move(response), true);
  ASSERT_TRUE(streamed.ok());
  ASSERT_EQ(streamed->pieces.size(), 1U);
  EXPECT_EQ(streamed->size, streamed->text.size() + 4);
  EXPECT_GT(streamed->size, plain->size);
}

}  // namespace
}  // namespace mlops::testing
