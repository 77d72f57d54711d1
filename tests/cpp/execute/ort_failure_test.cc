// What a bad file or bad data is told, by the real library.

#include <gtest/gtest.h>

#include <limits>

#include "execute/ort_status.h"
#include "support/ort_models.h"
#include "support/requests.h"

namespace mlops::testing {
namespace {

class OrtFailure : public OrtTest {
 protected:
  void expect_load(const std::string& name, Code code, const std::string& part) {
    const Status status = load(name).status();
    EXPECT_EQ(status.code(), code) << name << ": " << status.to_string();
    EXPECT_NE(status.message().find(part), std::string::npos) << status.to_string();
    EXPECT_LT(status.message().size(), 600U);
  }

  // Runs `name` over `inputs`; the message must hold `part`.
  void expect_run(const std::string& name, const std::vector<Tensor>& inputs, Code code,
                  const std::string& part) {
    OneLane lane = one_lane(load(name));
    ASSERT_TRUE(lane.executor);
    const Status status = lane.run(inputs);
    EXPECT_EQ(status.code(), code) << name << ": " << status.to_string();
    EXPECT_NE(status.message().find(part), std::string::npos) << status.to_string();
    EXPECT_EQ(status.message().find("onnxruntime_src"), std::string::npos) << status.to_string();
  }
};

Tensor indices(const std::vector<std::int64_t>& values) {
  return dense(DType::i64, Shape{static_cast<std::int64_t>(values.size())}, values);
}

TEST_F(OrtFailure, WhatCannotBeServedIsNamed) {
  expect_load("bad_zipmap", Code::unimplemented, "output 'y' is a sequence");
  expect_load("bad_zipmap", Code::unimplemented, "zipmap=False");
  expect_load("bad_sequence", Code::unimplemented, "output 'y' is a sequence");
  expect_load("bad_optional", Code::unimplemented, "input 'x' is an optional");
  expect_load("bad_complex", Code::unimplemented, "complex64");
  expect_load("bad_float8", Code::unimplemented, "float8e4m3fn");
  expect_load("bad_operator", Code::unimplemented, "NoSuchOperator");
  expect_load("bad_ir_version", Code::unimplemented, "IR version: 999");
}

TEST_F(OrtFailure, WhatIsNotAModelIsRefused) {
  expect_load("bad_cycle", Code::invalid_argument, "not acyclic");
  expect_load("bad_name", Code::invalid_argument, "not UTF-8");
  expect_load("no_such_file", Code::not_found, "no_such_file");
}

TEST_F(OrtFailure, OptionsAreChecked) {
  OrtOptions options;
  options.intra_op_threads = 0;
  EXPECT_EQ(load("scalar", options).status().code(), Code::invalid_argument);
  options.intra_op_threads = 2;
  options.graph_optimization_level = 7;
  EXPECT_EQ(load("scalar", options).status().code(), Code::invalid_argument);
  options.graph_optimization_level = 0;
  EXPECT_TRUE(load("scalar", options).ok());
}

Tensor integers(const std::vector<std::int32_t>& values) {
  return dense(DType::i32, Shape{static_cast<std::int64_t>(values.size())}, values);
}

// ONNX Runtime lets the processor trap, which by default is the end of the process.
TEST_F(OrtFailure, ADivisionThatTheProcessorRefusesFailsThatRunOnly) {
  constexpr std::int32_t kLowest = std::numeric_limits<std::int32_t>::min();
  expect_run("divide", {integers({6, kLowest}), integers({2, -1})}, Code::invalid_argument,
             "divides");
  for (const unsigned threads : {1U, 2U}) {
    OrtOptions options;
    options.intra_op_threads = threads;
    OneLane lane = one_lane(load("divide", options));
    EXPECT_EQ(lane.run({integers({kLowest}), integers({-1})}).code(), Code::invalid_argument);
    EXPECT_TRUE(lane.run({integers({6}), integers({-1})}).ok());
    EXPECT_EQ(lane.run({integers({6}), integers({0})}).code(), Code::invalid_argument);
  }
}

TEST_F(OrtFailure, DataThatDoesNotFitIsTheCallersFault) {
  const Tensor x = float_rows(2, 1);
  expect_run("gather", {x, indices({7})}, Code::invalid_argument, "idx=7");
  expect_run("reshape", {x, indices({5})}, Code::invalid_argument, "cannot be reshaped");
  expect_run("fill", {indices({-4})}, Code::invalid_argument, ">= 0");
  expect_run("parse_number", {strings(Shape{1}, {"seven"})}, Code::invalid_argument, "Cast");
  expect_run("matmul", {dense<float>(DType::f32, {1, 3}, {1, 2, 3})}, Code::invalid_argument,
             "invalid dimensions");
  expect_run("matmul", {dense<float>(DType::f32, {4}, {1, 2, 3, 4})}, Code::invalid_argument,
             "rank");
  expect_run("matmul", {dense<double>(DType::f64, {1, 4}, {1, 2, 3, 4})}, Code::invalid_argument,
             "data type");
  expect_run("matmul", {strings(Shape{1, 4}, {"", "", "", ""})}, Code::invalid_argument,
             "data type");
}

TEST_F(OrtFailure, BytesMustMatchTheShape) {
  Tensor x = float_rows(2, 1);
  x.bytes = x.bytes.first(x.bytes.size() - 4);
  expect_run("matmul", {x}, Code::invalid_argument, "input 'x'");
  x.shape = Shape{std::int64_t{1} << 62, 4};
  expect_run("matmul", {x}, Code::invalid_argument, "input 'x'");
}

TEST_F(OrtFailure, TooMuchMemoryIsAnAnswer) {
#ifdef MLOPS_SANITIZED
  GTEST_SKIP() << "a sanitizer's operator new ends the process where the real one throws";
#endif
  expect_run("fill", {indices({std::int64_t{1} << 46})}, Code::resource_exhausted, "memory");
}

TEST_F(OrtFailure, ALaneWorksOnAfterAFailure) {
  OneLane lane = one_lane(load("gather"));
  const Tensor x = float_rows(2, 1);
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(lane.run({x, indices({7})}).ok());
    lane.slots[0].tensor = {};
    ASSERT_TRUE(lane.run({x, indices({1})}).ok());
    EXPECT_EQ(values_of<float>(lane.slots[0].tensor), (std::vector<float>{5, 6, 7, 8}));
  }
  EXPECT_TRUE(log_.lines().empty()) << "bad requests must not fill the log: " << log_.lines()[0];
}

TEST_F(OrtFailure, TheWrongNumberOfTensorsIsOurDefect) {
  OneLane lane = one_lane(load("two_outputs"));
  EXPECT_EQ(lane.run({}).code(), Code::internal);
  lane.slots.pop_back();
  EXPECT_EQ(lane.run({float_rows(1, 1)}).code(), Code::internal);
}

TEST(OrtStatus, MessagesLoseWhatOnlyItsAuthorsUnderstand) {
  EXPECT_EQ(shorten_ort_message("running Reshape node. /onnxruntime_src/onnxruntime/core/a.h:91 "
                                "onnxruntime::R::R(const T&, bool) a == b was false. Why\n"),
            "running Reshape node. Why");
  EXPECT_EQ(shorten_ort_message("/onnxruntime_src/onnxruntime/core/b.cc:36 void* "
                                "onnxruntime::B::F(size_t, bool) const Failed to allocate"),
            "Failed to allocate");
  EXPECT_EQ(shorten_ort_message("/onnxruntime_src/c.cc:7 void f(const T*) [with T = long int] Out"),
            "Out");
  EXPECT_EQ(shorten_ort_message("/onnxruntime_src/c.cc:7"), "");
  EXPECT_EQ(shorten_ort_message("/onnxruntime_src/c.cc:7 f() const [with T = int"), "");
  EXPECT_EQ(shorten_ort_message("A [ONNXRuntimeError] : 1 : FAIL : b [ONNXRuntimeError] : 2"),
            "A b 2");
  EXPECT_EQ(shorten_ort_message("a\x01\n\tb"), "a b");
  const std::string cut = shorten_ort_message(std::string(319, 'x') + "žžž");
  EXPECT_EQ(cut, std::string(319, 'x') + "…");
}

TEST(OrtStatus, OutOfMemoryIsKnownByItsText) {
  for (const char* text : {"Failed to allocate memory for requested buffer of size 4",
                           "Exception during initialization: std::bad_alloc"}) {
    EXPECT_EQ(load_error_code(ORT_FAIL, text), Code::resource_exhausted);
    EXPECT_EQ(run_error_code(ORT_RUNTIME_EXCEPTION, text), Code::resource_exhausted);
  }
  EXPECT_EQ(run_error_code(ORT_RUNTIME_EXCEPTION, "something else"), Code::internal);
  EXPECT_EQ(run_error_code(ORT_EP_FAIL, "returned while running X"), Code::internal);
}

}  // namespace
}  // namespace mlops::testing
