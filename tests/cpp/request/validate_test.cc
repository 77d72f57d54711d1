#include "request/validate.h"

#include <gtest/gtest.h>

#include "support/requests.h"

namespace mlops::testing {
namespace {

Signature two_inputs() {
  return {{spec("a", DType::f32, {kAnySize, 2}), spec("b", DType::i64, {kAnySize})},
          {spec("x", DType::f32, {kAnySize}), spec("y", DType::f32, {kAnySize})}};
}

Tensor floats(Shape shape) {
  return dense(DType::f32, shape, std::vector<float>(static_cast<std::size_t>(*shape.elements())));
}

Request good_request() {
  Request request = request_for("m", floats({3, 2}), "a");
  request.inputs.push_back({"b", dense(DType::i64, Shape{3}, std::vector<std::int64_t>(3))});
  return request;
}

void expect_refused(const Status& status, std::string_view fragment) {
  EXPECT_EQ(status.code(), Code::invalid_argument);
  EXPECT_NE(status.message().find(fragment), std::string::npos) << status.message();
}

Status form(const Request& request) { return check_form(request, RequestLimits{}); }

Status signature(const Request& request) {
  Resolved resolved;
  return check_signature(request, two_inputs(), resolved);
}

TEST(CheckForm, AcceptsWhatIsWellFormed) {
  EXPECT_TRUE(form(good_request()).ok());
  EXPECT_TRUE(form(request_for("m", strings(Shape{2}, {"a", ""}))).ok());
  EXPECT_TRUE(form(request_for("m", floats({0, 7}))).ok());
}

TEST(CheckForm, RefusesSizesThatDoNotAddUp) {
  Request request = good_request();
  request.inputs[0].tensor.shape = Shape{3, 3};
  expect_refused(form(request), "unexpected total byte size 24 for input 'a', expecting 36");
  request.inputs[0].tensor.shape = Shape{-3, -2};
  expect_refused(form(request), "negative dimension");
  request.inputs[0].tensor.shape = Shape{INT64_MAX, 2};
  expect_refused(form(request), "exceed maximum size");
  request.inputs[0].tensor.shape = Shape{INT64_MAX};
  expect_refused(form(request), "byte size overflow for input 'a'");
}

TEST(CheckForm, RefusesBrokenStrings) {
  Request request = request_for("m", strings(Shape{2}, {"a", "b"}));
  request.inputs[0].tensor.shape = Shape{3};
  expect_refused(form(request), "unexpected number of string elements 2");
  request.inputs[0].tensor.bytes = request.inputs[0].tensor.bytes.first(7);
  expect_refused(form(request), "incomplete string data");
}

TEST(CheckForm, BoundsNamesAndCounts) {
  RequestLimits limits;
  limits.name_bytes_max = 4;
  limits.inputs_max = 1;
  expect_refused(check_form(good_request(), limits), "at most 1 are accepted");
  Request long_name = request_for("m", floats({1, 2}), "abcdefgh");
  expect_refused(check_form(long_name, limits), "longer than 4 bytes");
  Request nameless = request_for("", floats({1, 2}));
  expect_refused(form(nameless), "model name");
}

TEST(CheckSignature, InOrderCostsNoIndices) {
  Resolved resolved;
  EXPECT_TRUE(check_signature(good_request(), two_inputs(), resolved).ok());
  EXPECT_TRUE(resolved.inputs.empty());
  EXPECT_EQ(resolved.input(1), 1U);
}

TEST(CheckSignature, OrderDoesNotMatter) {
  Request request = good_request();
  std::swap(request.inputs[0], request.inputs[1]);
  request.outputs = {"y"};
  Resolved resolved;
  ASSERT_TRUE(check_signature(request, two_inputs(), resolved).ok());
  EXPECT_EQ(resolved.inputs, (std::vector<std::uint32_t>{1, 0}));
  EXPECT_EQ(resolved.outputs, (std::vector<std::uint32_t>{1}));
}

TEST(CheckSignature, NamesWhatIsWrong) {
  Request request = good_request();
  request.inputs.pop_back();
  expect_refused(signature(request), "expected 2 inputs but got 1");
  request = good_request();
  request.inputs[1].name = "c";
  expect_refused(signature(request), "unexpected inference input 'c'");
  request.inputs[1].name = "a";
  expect_refused(signature(request), "input 'a' already exists");
  request = good_request();
  request.outputs = {"z"};
  expect_refused(signature(request), "unexpected inference output 'z'");
  request.outputs = {"x", "x"};
  expect_refused(signature(request), "output 'x' already exists");
  request = good_request();
  request.inputs[0].tensor.shape = Shape{2, 3};
  expect_refused(signature(request),
                 "unexpected shape for input 'a' for model 'm'. Expected [-1,2], got [2,3]");
  request = good_request();
  request.inputs[1].tensor.dtype = DType::u64;
  expect_refused(signature(request), "data-type is 'UINT64', but model 'm' expects 'INT64'");
}

}  // namespace
}  // namespace mlops::testing
