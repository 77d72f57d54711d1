#include <gtest/gtest.h>

#include "decoding.h"

namespace mlops {
namespace {

using testing::buffer_of;
using testing::bytes_of;
using testing::decode_http;
using testing::decode_http_binary;
using testing::json_input;
using testing::text_of;
using testing::values_of;

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(HttpDecode, AWholeRequest) {
  const auto got = decode_http(R"({
    "id": "r-1",
    "parameters": {"timeout": 2500, "priority": 3, "flag": true, "share": 0.5, "tag": "x",
                   "big": 18446744073709551615, "negative": -4},
    "inputs": [
      {"name": "a", "shape": [1, 2], "datatype": "FP32", "data": [1.5, -2]},
      {"name": "b", "shape": [2], "datatype": "BYTES", "data": ["p", "q"], "parameters": {"z": [1]}}
    ],
    "outputs": [{"name": "y"}, {"name": "z", "parameters": {"binary_data": true}}],
    "somethingElse": {"nested": [1, {"a": null}]}
  })");
  ASSERT_TRUE(got.status.ok()) << got.error();
  const Request& request = got.request();
  EXPECT_EQ(request.id, "r-1");
  EXPECT_EQ(got.call.timeout_us, 2500u);
  ASSERT_EQ(request.inputs.size(), 2u);
  EXPECT_EQ(request.inputs[0].name, "a");
  EXPECT_EQ(request.inputs[0].tensor.shape, (Shape{1, 2}));
  EXPECT_EQ(values_of<float>(request.inputs[0].tensor), (std::vector<float>{1.5F, -2.0F}));
  EXPECT_EQ(testing::strings_of(request.inputs[1].tensor), (std::vector<std::string>{"p", "q"}));
  EXPECT_EQ(request.outputs, (std::vector<std::string_view>{"y", "z"}));
  EXPECT_FALSE(got.call.outputs.is_binary(0));
  EXPECT_TRUE(got.call.outputs.is_binary(1));
  ASSERT_EQ(request.parameters.size(), 6u);  // all but the timeout
  EXPECT_EQ(request.parameters[0].name, "priority");
  EXPECT_EQ(std::get<std::int64_t>(request.parameters[0].value), 3);
  EXPECT_TRUE(std::get<bool>(request.parameters[1].value));
  EXPECT_EQ(std::get<double>(request.parameters[2].value), 0.5);
  EXPECT_EQ(std::get<std::string>(request.parameters[3].value), "x");
  EXPECT_EQ(std::get<std::uint64_t>(request.parameters[4].value), UINT64_MAX);
  EXPECT_EQ(std::get<std::int64_t>(request.parameters[5].value), -4);
}

TEST(HttpDecode, TheOrderOfKeysDoesNotMatter) {
  const std::vector<std::string> fields = {R"("name":"x")", R"("datatype":"INT16")",
                                           R"("shape":[2,1])", R"("data":[[7],[8]])"};
  std::vector<int> order = {0, 1, 2, 3};
  do {
    std::string json = R"({"inputs":[{)";
    for (const int i : order) json += (json.back() == '{' ? "" : ",") + fields[std::size_t(i)];
    const auto got = decode_http(json + "}]}");
    ASSERT_TRUE(got.status.ok()) << json << got.error();
    EXPECT_EQ(values_of<std::int16_t>(got.input()), (std::vector<std::int16_t>{7, 8}));
    EXPECT_EQ(got.copies->total(CopySite::json_parse), 4u);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(HttpDecode, BinaryTensorsAreViewsOfTheBody) {
  const std::string json =
      R"({"inputs":[{"name":"a","datatype":"FP32","shape":[2],"parameters":{"binary_data_size":8}},)"
      R"({"name":"b","datatype":"INT8","shape":[1],"data":[5]},)"
      R"({"name":"c","datatype":"BYTES","shape":[1],"parameters":{"binary_data_size":7}},)"
      R"({"name":"d","datatype":"INT64","shape":[0],"parameters":{"binary_data_size":0}}]})";
  const std::string tail = bytes_of<float>({1, 2}) + std::string("\3\0\0\0abc", 7);
  const auto got = decode_http_binary(json, tail);
  ASSERT_TRUE(got.status.ok()) << got.error();
  EXPECT_EQ(values_of<float>(got.input(0)), (std::vector<float>{1, 2}));
  EXPECT_EQ(values_of<std::int8_t>(got.input(1)), (std::vector<std::int8_t>{5}));
  EXPECT_EQ(testing::strings_of(got.input(2)), (std::vector<std::string>{"abc"}));
  EXPECT_TRUE(got.input(3).bytes.empty());
  const Buffer& body = got.request().keep_alive.front();
  EXPECT_EQ(got.input(0).bytes.data(), body->data() + json.size());
  EXPECT_EQ(got.input(2).bytes.data(), body->data() + json.size() + 8);
  EXPECT_EQ(got.copies->total(CopySite::json_parse), 1u);  // only b
}

TEST(HttpDecode, EscapedNamesOutliveTheText) {
  const auto got =
      decode_http(R"({"inputs":[{"name":"\u00fcn\"i","datatype":"INT8","shape":[1],"data":[1]}],)"
                  R"("outputs":[{"name":"o\/p"}]})");
  ASSERT_TRUE(got.status.ok()) << got.error();
  EXPECT_EQ(got.request().inputs[0].name, "ün\"i");
  EXPECT_EQ(got.request().outputs[0], "o/p");
}

TEST(HttpDecode, HeaderLengthIsCheckedBeforeItIsUsed) {
  const std::string json = json_input("INT8", "[1]", "[1]");
  EXPECT_TRUE(decode_http(json, std::to_string(json.size())).status.ok());
  for (const char* header :
       {"-1", "99999", "abc", "", "12abc", "99999999999999999999", "1.5", " 5"}) {
    const auto refused = decode_http(json, header);
    EXPECT_EQ(refused.status.code(), Code::invalid_argument) << header;
    EXPECT_FALSE(is_raw_binary_request(header));
  }
  EXPECT_EQ(decode_http(json, "-1").error(), "inference header size should be in range (0, " +
                                                 std::to_string(json.size()) + "), got: -1");
  EXPECT_EQ(decode_http(json, "zz").error(),
            "Unable to parse Inference-Header-Content-Length, got: zz");
  EXPECT_TRUE(contains(decode_http(json, "4294967296").error(), "value is out of range ["));
}

TEST(HttpDecode, BinarySizesMustUseUpTheBodyExactly) {
  const std::string json =
      R"({"inputs":[{"name":"a","datatype":"FP32","shape":[2],"parameters":{"binary_data_size":8}}]})";
  EXPECT_EQ(decode_http_binary(json, "1234").error(),
            "unexpected size for input 'a', expecting 4 additional bytes for model 'm'");
  EXPECT_EQ(decode_http_binary(json, "123456789").error(),
            "unexpected additional input data for model 'm'");
  EXPECT_EQ(decode_http_binary(json, "").error(),
            "unexpected size for input 'a', expecting 8 additional bytes for model 'm'");
  EXPECT_EQ(decode_http(json).error(),
            "must specify valid 'Infer-Header-Content-Length' in request header and "
            "'binary_data_size' when passing inputs in binary data format");
}

TEST(HttpDecode, AnInputHasExactlyOneSourceOfData) {
  const std::string head = R"({"inputs":[{"name":"a","datatype":"INT8","shape":[1])";
  const std::string text =
      "Input must set only one of the following fields: 'data', 'binary_data_size' in "
      "'parameters', 'shared_memory_region' in 'parameters'. But";
  EXPECT_EQ(decode_http(head + "}]}").error(), text + " no field is set");
  EXPECT_EQ(decode_http(head + R"(,"data":[1],"parameters":{"binary_data_size":1}}]})").error(),
            text + " set 'data' 'binary_data_size'");
  EXPECT_EQ(
      decode_http(head + R"(,"parameters":{"binary_data_size":1,"shared_memory_region":"r"}}]})")
          .error(),
      text + " set 'binary_data_size' 'shared_memory_region'");
}

TEST(HttpDecode, RegionsAreUnknownWithoutSharedMemory) {
  const auto region = decode_http(
      R"({"inputs":[{"name":"a","datatype":"INT8","shape":[1],"parameters":{"shared_memory_region":"r"}}]})");
  EXPECT_EQ(region.status.code(), Code::not_found);
  EXPECT_EQ(region.error(), "Unable to find system shared memory region: 'r'");
}

TEST(HttpDecode, ClassesAreAskedForPerOutput) {
  const std::string input = R"("inputs":[{"name":"a","datatype":"INT8","shape":[1],"data":[1]}])";
  const auto classes = decode_http(
      "{" + input + R"(,"outputs":[{"name":"y","parameters":{"classification":3}},{"name":"z"}]})");
  ASSERT_TRUE(classes.status.ok()) << classes.error();
  ASSERT_EQ(classes.call.outputs.forms.size(), 2U);
  EXPECT_EQ(classes.call.outputs.forms[0].classes, 3U);
  EXPECT_EQ(classes.call.outputs.forms[1].classes, 0U);
}

TEST(HttpDecode, MissingAndMistypedFieldsAreNamed) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{}", "Unable to parse 'inputs': attempt to access non-existing object member 'inputs'"},
      {R"({"inputs":{}})", "Unable to parse 'inputs': expected an array"},
      {R"({"inputs":[1]})", "Unable to parse 'inputs': expected objects"},
      {R"({"inputs":[],"id":5})", "Unable to parse 'id': expected a string"},
      {R"({"inputs":[],"outputs":3})", "Unable to parse 'outputs': expected an array"},
      {R"({"inputs":[],"outputs":[{}]})",
       "Unable to parse 'name': attempt to access non-existing object member 'name'"},
      {R"({"inputs":[{"datatype":"INT8","shape":[1],"data":[1]}]})",
       "Unable to parse 'name': attempt to access non-existing object member 'name'"},
      {R"({"inputs":[{"name":"a","shape":[1],"data":[1]}]})",
       "Unable to parse 'datatype': attempt to access non-existing object member 'datatype'"},
      {R"({"inputs":[{"name":"a","datatype":"INT8","data":[1]}]})",
       "Unable to parse 'shape': attempt to access non-existing object member 'shape'"},
      {json_input("INT99", "[1]", "[1]"), "invalid datatype 'INT99' for input 'x'"},
      {json_input("INT8", "[1]", "5"), "Unable to parse 'data': input 'x' must have an array"},
      {json_input("INT8", "[-1]", "[1]"),
       "Unable to parse 'shape': attempt to access JSON non-unsigned-integer as unsigned-integer"},
      {json_input("INT8", "[1.0]", "[1]"),
       "Unable to parse 'shape': attempt to access JSON non-unsigned-integer as unsigned-integer"},
      {json_input("INT8", "[18446744073709551615]", "[1]"),
       "invalid shape for input 'x': shape [-1] contains one or more invalid dimensions"},
      {json_input("INT8", "[4294967296,4294967296]", "[1]"),
       "invalid shape for input 'x': shape [4294967296,4294967296] causes total element count to "
       "exceed maximum size of 9223372036854775807"},
      {json_input("FP64", "[4611686018427387904]", "[1]"),
       "byte size overflow for input 'x': element count (4611686018427387904) * data type size (8) "
       "exceeds maximum allowed size (9223372036854775807)"},
      {json_input("INT8", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[1]"),
       "invalid shape for input 'x': more than 16 dimensions"},
      {"[]", "failed to parse the request JSON at offset 0"},
      {"", "failed to parse the request JSON at offset 0"},
      {R"({"inputs":[]} x)", "failed to parse the request JSON at offset 14"},
  };
  for (const auto& [body, expected] : cases) {
    const auto got = decode_http(body);
    // The one that Triton calls its own fault, and its clients' tests know.
    const bool dim = expected.ends_with("non-unsigned-integer as unsigned-integer");
    EXPECT_EQ(got.status.code(), dim ? Code::internal : Code::invalid_argument) << body;
    EXPECT_EQ(got.error(), expected) << body;
  }
}

TEST(HttpDecode, AmbiguousRequestsAreRefused) {
  const char* kBodies[] = {
      R"({"inputs":[],"inputs":[]})",
      R"({"id":"a","id":"b","inputs":[]})",
      R"({"inputs":[{"name":"x","name":"y","datatype":"INT8","shape":[1],"data":[1]}]})",
      R"({"inputs":[{"name":"x","datatype":"INT8","shape":[1],"data":[1],"data":[2]}]})",
      R"({"inputs":[],"parameters":{"timeout":1,"a":1,"a":2}})",
  };
  for (const char* body : kBodies) {
    EXPECT_TRUE(contains(decode_http(body).error(), "is given twice")) << body;
  }
  EXPECT_EQ(
      decode_http(R"({"inputs":[],"outputs":[{"name":"y"},{"name":"z"},{"name":"y"}]})").error(),
      "output 'y' already exists in request");
}

TEST(HttpDecode, ReservedParametersAreChecked) {
  const auto with = [](const std::string& parameters) {
    return decode_http(R"({"inputs":[],"parameters":{)" + parameters + "}}");
  };
  EXPECT_TRUE(with(R"("sequence_id":7,"sequence_start":true,"sequence_end":false)").status.ok());
  EXPECT_TRUE(with(R"("sequence_id":"s")").status.ok());
  EXPECT_TRUE(with(R"("priority":18446744073709551615)").status.ok());
  for (const char* bad :
       {R"("timeout":-1)", R"("timeout":"5")", R"("timeout":1.5)", R"("priority":-1)",
        R"("sequence_id":true)", R"("sequence_start":1)", R"("binary_data_output":1)",
        R"("triton_x":1)", R"("x":null)", R"("x":[1])", R"("x":{})", R"("x":1e999)"}) {
    EXPECT_EQ(with(bad).status.code(), Code::invalid_argument) << bad;
  }
  EXPECT_EQ(with("\"sequence_id\":\"" + std::string(129, 's') + "\"").status.code(),
            Code::invalid_argument);
}

TEST(HttpDecode, OutputsAreJsonUnlessBinaryIsAskedFor) {
  const std::string input = R"("inputs":[{"name":"a","datatype":"INT8","shape":[1],"data":[1]}])";
  EXPECT_FALSE(decode_http("{" + input + "}").call.outputs.is_binary(0));
  const auto all = decode_http("{" + input + R"(,"parameters":{"binary_data_output":true}})");
  EXPECT_TRUE(all.call.outputs.is_binary(3));
  const auto listed =
      decode_http("{" + input +
                  R"(,"parameters":{"binary_data_output":true},"outputs":[)"
                  R"({"name":"y"},{"name":"z","parameters":{"binary_data":true}}]})");
  EXPECT_FALSE(listed.call.outputs.is_binary(0));
  EXPECT_TRUE(listed.call.outputs.is_binary(1));
}

TEST(HttpDecode, LimitsAreNamed) {
  DecodeLimits limits;
  limits.body_bytes_max = 10;
  EXPECT_EQ(decode_http("{\"inputs\":[]}", {}, nullptr, limits).error(),
            "request JSON size of 13 bytes exceeds the maximum allowed input size of 10 bytes. Use "
            "--http-max-input-size to increase the limit.");
  limits = {};
  limits.tensors_max = 1;
  const std::string one = R"({"name":"a","datatype":"INT8","shape":[1],"data":[1]})";
  EXPECT_EQ(decode_http(R"({"inputs":[)" + one + "," + one + "]}", {}, nullptr, limits).error(),
            "more than 1 inputs");
  limits = {};
  limits.name_bytes_max = 4;
  EXPECT_TRUE(contains(
      decode_http(R"({"inputs":[{"name":"longer","datatype":"INT8","shape":[1],"data":[1]}]})", {},
                  nullptr, limits)
          .error(),
      "longer than 4 bytes"));
  limits = {};
  limits.parameters_max = 1;
  EXPECT_EQ(decode_http(R"({"inputs":[],"parameters":{"a":1,"b":1}})", {}, nullptr, limits).error(),
            "more than 1 request parameters");
}

TEST(HttpDecode, DeepNestingAnywhereIsAnAnswer) {
  const std::string deep(250'000, '[');
  for (const std::string& body :
       {R"({"x":)" + deep, deep, R"({"inputs":[{"parameters":{"a":)" + deep,
        R"({"inputs":[{"shape":)" + deep}) {
    EXPECT_FALSE(decode_http(body).status.ok());
  }
}

TEST(HttpDecode, TextThatIsNotUtf8IsRefused) {
  EXPECT_EQ(decode_http("{\"id\":\"\xff\",\"inputs\":[]}").error(),
            "the request JSON is not UTF-8");
}

TEST(HttpDecode, TheIdIsKnownAfterALaterError) {
  const auto got = decode_http(R"({"id":"me","inputs":[{}]})");
  EXPECT_FALSE(got.status.ok());
  EXPECT_EQ(got.request().id, "me");
}

}  // namespace
}  // namespace mlops
