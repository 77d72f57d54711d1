#include <gtest/gtest.h>

#include "decoding.h"
#include "grpc_reference.h"

namespace mlops {
namespace {

using inference::ModelInferRequest;
using testing::bytes_of;
using testing::decode_grpc;
using testing::disagreement;
using testing::values_of;

ModelInferRequest one_input(const std::string& datatype, std::vector<std::int64_t> shape) {
  ModelInferRequest request;
  request.set_model_name("m");
  auto& input = *request.add_inputs();
  input.set_name("x");
  input.set_datatype(datatype);
  for (const std::int64_t dim : shape) input.add_shape(dim);
  return request;
}

std::string refusal(const ModelInferRequest& request, const DecodeLimits& limits = {}) {
  const auto got = decode_grpc(request.SerializeAsString(), limits);
  EXPECT_EQ(got.status.code(), Code::invalid_argument) << got.error();
  return got.error();
}

TEST(GrpcDecode, AWholeRawRequest) {
  ModelInferRequest request = one_input("FP32", {1, 2});
  request.set_model_version("3");
  request.set_id("r-1");
  auto& second = *request.add_inputs();
  second.set_name("y");
  second.set_datatype("BYTES");
  second.add_shape(1);
  request.add_raw_input_contents(bytes_of<float>({1, 2}));
  request.add_raw_input_contents(std::string("\2\0\0\0hi", 6));
  request.add_outputs()->set_name("o");
  (*request.mutable_parameters())["timeout"].set_int64_param(1500);
  (*request.mutable_parameters())["share"].set_double_param(0.25);
  const std::string message = request.SerializeAsString();
  const auto got = decode_grpc(message);
  ASSERT_TRUE(got.status.ok()) << got.error();
  EXPECT_EQ(disagreement(message, got.status, got.call), "");
  EXPECT_EQ(got.request().version, 3);
  EXPECT_EQ(got.call.timeout_us, 1500u);
  EXPECT_EQ(values_of<float>(got.input()), (std::vector<float>{1, 2}));
  const Buffer& body = got.request().keep_alive.front();
  EXPECT_GE(got.input().bytes.data(), body->data());
  EXPECT_LT(got.input().bytes.data(), body->data() + body->size());
  EXPECT_EQ(got.copies->total(CopySite::grpc_contents), 0u);
}

TEST(GrpcDecode, PackedFloatsAreViewsAndOthersAreCounted) {
  ModelInferRequest floats = one_input("FP32", {2});
  floats.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1.5F);
  floats.mutable_inputs(0)->mutable_contents()->add_fp32_contents(-2.0F);
  const auto view = decode_grpc(floats.SerializeAsString());
  ASSERT_TRUE(view.status.ok()) << view.error();
  EXPECT_EQ(values_of<float>(view.input()), (std::vector<float>{1.5F, -2.0F}));
  EXPECT_EQ(view.copies->total(CopySite::grpc_contents), 0u);
  EXPECT_FALSE(view.input().owner);

  ModelInferRequest small = one_input("INT8", {3});
  for (const int value : {-128, 0, 127}) {
    small.mutable_inputs(0)->mutable_contents()->add_int_contents(value);
  }
  const auto copied = decode_grpc(small.SerializeAsString());
  ASSERT_TRUE(copied.status.ok()) << copied.error();
  EXPECT_EQ(values_of<std::int8_t>(copied.input()), (std::vector<std::int8_t>{-128, 0, 127}));
  EXPECT_EQ(copied.copies->total(CopySite::grpc_contents), 3u);
}

// protobuf merges a sub-message that occurs twice; so repeated fields within it are appended.
TEST(GrpcDecode, ContentsThatComeInPiecesAreMerged) {
  const std::string packed = "\x2a\x06\x32\x04" + bytes_of<float>({1});  // contents { [1] }
  const std::string lone = "\x2a\x05\x35" + bytes_of<float>({2});        // contents { 2, unpacked }
  const std::string input = std::string("\x0a\x01x\x12\x04") + "FP32" + "\x18\x02" + packed + lone;
  std::string message = "\x0a\x01m\x2a";
  message += static_cast<char>(input.size()) + input;
  const auto got = decode_grpc(message);
  ASSERT_TRUE(got.status.ok()) << got.error();
  EXPECT_EQ(values_of<float>(got.input()), (std::vector<float>{1, 2}));
  EXPECT_EQ(disagreement(message, got.status, got.call), "");
}

TEST(GrpcDecode, IntegersThatDoNotFitAreRefusedNotTruncated) {
  for (const auto& [datatype, value] : std::vector<std::pair<std::string, int>>{
           {"INT8", 128}, {"INT8", -129}, {"INT16", 32768}, {"INT16", -32769}}) {
    ModelInferRequest request = one_input(datatype, {1});
    request.mutable_inputs(0)->mutable_contents()->add_int_contents(value);
    EXPECT_EQ(refusal(request), "a value of input 'x' does not fit its datatype " + datatype);
  }
  for (const auto& [datatype, value] :
       std::vector<std::pair<std::string, unsigned>>{{"UINT8", 256}, {"UINT16", 65536}}) {
    ModelInferRequest request = one_input(datatype, {1});
    request.mutable_inputs(0)->mutable_contents()->add_uint_contents(value);
    EXPECT_EQ(refusal(request), "a value of input 'x' does not fit its datatype " + datatype);
  }
}

TEST(GrpcDecode, ContentsMustFitTheDatatype) {
  ModelInferRequest wrong = one_input("FP32", {1});
  wrong.mutable_inputs(0)->mutable_contents()->add_int_contents(1);
  EXPECT_EQ(
      refusal(wrong),
      "unexpected explicit tensor data for input tensor 'x': int_contents given, but datatype "
      "FP32 is sent in fp32_contents");
  ModelInferRequest half = one_input("FP16", {1});
  half.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1);
  EXPECT_EQ(refusal(half), "input 'x' of type FP16 must be sent in raw_input_contents");
}

TEST(GrpcDecode, ContentsOrRawForTheWholeRequest) {
  ModelInferRequest both = one_input("FP32", {1});
  both.mutable_inputs(0)->mutable_contents()->add_fp32_contents(1);
  both.add_raw_input_contents("1234");
  EXPECT_EQ(refusal(both),
            "contents field must not be specified when using raw_input_contents for 'x' for model "
            "'m'");
  EXPECT_EQ(refusal(one_input("FP32", {1})),
            "unable to find data for input tensor 'x' for model 'm' in request.");
  ModelInferRequest more = one_input("FP32", {1});
  more.add_raw_input_contents("1234");
  more.add_raw_input_contents("1234");
  EXPECT_EQ(refusal(more), "2 raw_input_contents for 1 inputs for model 'm'");
}

TEST(GrpcDecode, ShapesAreChecked) {
  const std::string many = "invalid shape for input 'x': more than 16 dimensions";
  EXPECT_EQ(refusal(one_input("FP32", std::vector<std::int64_t>(17, 1))), many);
  EXPECT_EQ(refusal(one_input("FP32", {-1})),
            "invalid shape for input 'x': shape [-1] contains one or more invalid dimensions");
  EXPECT_EQ(refusal(one_input("FP32", {INT64_MAX, 2})),
            "invalid shape for input 'x': shape [9223372036854775807,2] causes total element count "
            "to exceed maximum size of 9223372036854775807");
  EXPECT_EQ(refusal(one_input("FLOAT", {1})), "invalid datatype 'FLOAT' for input 'x'");
}

TEST(GrpcDecode, ReservedParameters) {
  const auto with = [](const std::string& name, const auto& set) {
    ModelInferRequest request;
    set((*request.mutable_parameters())[name]);
    return decode_grpc(request.SerializeAsString());
  };
  using Value = inference::InferParameter;
  EXPECT_TRUE(with("priority", [](Value& v) { v.set_uint64_param(9); }).status.ok());
  EXPECT_TRUE(with("sequence_id", [](Value& v) { v.set_string_param("s"); }).status.ok());
  EXPECT_TRUE(with("triton_enable_empty_final_response", [](Value& v) {
                v.set_bool_param(true);
              }).status.ok());
  EXPECT_EQ(with("timeout", [](Value& v) { v.set_uint64_param(1); }).error(),
            "invalid value type for 'timeout' parameter, expected int64_param >= 0.");
  EXPECT_FALSE(with("timeout", [](Value& v) { v.set_int64_param(-1); }).status.ok());
  EXPECT_EQ(with("priority", [](Value& v) { v.set_int64_param(-1); }).error(),
            "invalid value for 'priority', expected value >= 0.");
  EXPECT_FALSE(with("sequence_start", [](Value& v) { v.set_int64_param(1); }).status.ok());
  EXPECT_FALSE(with("mine", [](Value& v) { v.set_uint64_param(1); }).status.ok());
  EXPECT_FALSE(with("triton_other", [](Value& v) { v.set_bool_param(true); }).status.ok());
  EXPECT_EQ(with("mine", [](Value&) {}).error(), "parameter 'mine' has no value");
}

TEST(GrpcDecode, TheParametersOfRegionsAndClassesAreChecked) {
  const auto input_with = [](const char* name, auto set) {
    ModelInferRequest request = one_input("FP32", {1});
    auto& parameters = *request.mutable_inputs(0)->mutable_parameters();
    parameters["shared_memory_region"].set_string_param("r");
    parameters["shared_memory_byte_size"].set_int64_param(4);
    set(parameters[name]);
    return decode_grpc(request.SerializeAsString());
  };
  EXPECT_EQ(input_with("shared_memory_offset", [](auto& v) { v.set_int64_param(0); }).error(),
            "Unable to find system shared memory region: 'r'");
  EXPECT_EQ(input_with("shared_memory_offset", [](auto& v) { v.set_string_param("0"); }).error(),
            "invalid value type for 'shared_memory_offset' parameter for tensor 'x', expected "
            "int64_param.");
  EXPECT_EQ(input_with("shared_memory_offset", [](auto& v) { v.set_int64_param(-1); }).error(),
            "invalid value for 'shared_memory_offset' parameter for tensor 'x', expected value >= "
            "0.");
  EXPECT_EQ(input_with("shared_memory_region", [](auto& v) { v.set_bool_param(true); }).error(),
            "invalid value type for 'shared_memory_region' parameter for tensor 'x', expected "
            "string_param.");

  const auto output_with = [](auto set) {
    ModelInferRequest request = one_input("FP32", {1});
    request.add_raw_input_contents("1234");
    auto& output = *request.add_outputs();
    output.set_name("y");
    set(*output.mutable_parameters());
    return decode_grpc(request.SerializeAsString());
  };
  const auto two = output_with([](auto& p) { p["classification"].set_int64_param(2); });
  ASSERT_TRUE(two.status.ok()) << two.error();
  EXPECT_EQ(two.call.outputs.forms.at(0).classes, 2U);
  EXPECT_EQ(output_with([](auto& p) { p["classification"].set_int64_param(0); }).error(),
            "invalid value for 'classification' parameter, expected >= 0");
  EXPECT_EQ(output_with([](auto& p) { p["classification"].set_string_param("2"); }).error(),
            "invalid value type for 'classification' parameter, expected int64_param");
  EXPECT_EQ(output_with([](auto& p) {
              p["classification"].set_int64_param(2);
              p["shared_memory_region"].set_string_param("r");
              p["shared_memory_byte_size"].set_int64_param(4);
            }).error(),
            "output can't set both 'shared_memory_region' and 'classification'");
  EXPECT_EQ(output_with([](auto& p) { p["shared_memory_region"].set_string_param("r"); }).error(),
            "'shared_memory_byte_size' must be specified along with 'shared_memory_region' "
            "parameter for tensor 'y'");
  EXPECT_EQ(output_with([](auto& p) { p["shared_memory_offset"].set_int64_param(1); }).error(),
            "'shared_memory_offset' can not be specified without 'shared_memory_region' parameter "
            "for tensor 'y'");
}

TEST(GrpcDecode, LimitsAreNamed) {
  DecodeLimits limits;
  limits.tensors_max = 1;
  ModelInferRequest two = one_input("FP32", {0});
  *two.add_inputs() = two.inputs(0);
  EXPECT_EQ(refusal(two, limits), "more than 1 inputs");
  limits = {};
  limits.name_bytes_max = 3;
  ModelInferRequest named = one_input("FP32", {0});
  named.set_model_name("four");
  named.add_raw_input_contents("");
  EXPECT_EQ(refusal(named, limits), "model name is longer than 3 bytes");
  limits = {};
  limits.tensor_bytes_max = 3;
  ModelInferRequest large = one_input("INT32", {1});
  large.mutable_inputs(0)->mutable_contents()->add_int_contents(1);
  EXPECT_EQ(refusal(large, limits), "contents of input 'x' take 4 bytes, more than the 3 allowed");
}

TEST(GrpcDecode, TheVersionIsANumber) {
  ModelInferRequest request = one_input("FP32", {0});
  request.add_raw_input_contents("");
  request.set_model_version("stable");
  EXPECT_NE(refusal(request).find("version string 'stable'"), std::string::npos);
}

TEST(GrpcDecode, OutputsAskedForTwice) {
  ModelInferRequest request = one_input("FP32", {0});
  request.add_raw_input_contents("");
  request.add_outputs()->set_name("y");
  request.add_outputs()->set_name("y");
  EXPECT_EQ(refusal(request), "output 'y' already exists in request");
}

}  // namespace
}  // namespace mlops
