#include "model/sequence_plan.h"

#include <gtest/gtest.h>

#include "support/requests.h"

namespace mlops::testing {
namespace {

SequenceControlInput flag_input(const std::string& name, SequenceControl::Kind kind) {
  SequenceControl control;
  control.kind = kind;
  control.int32_false_true = {0, 1};
  return {name, {control}};
}

SequenceBatching config() {
  SequenceBatching made;
  made.control_inputs = {flag_input("START", SequenceControl::Kind::start)};
  SequenceControl id;
  id.kind = SequenceControl::Kind::correlation_id;
  id.dtype = DType::bytes;
  made.control_inputs.push_back({"CORRID", {id}});
  SequenceState state;
  state.input_name = "state_in";
  state.output_name = "state_out";
  state.dtype = DType::f32;
  state.dims = {2, kAnySize};
  made.states = {state};
  return made;
}

Signature model() {
  return {
      {spec("x", DType::f32, {kAnySize, 3}), spec("START", DType::i32, {kAnySize, 1}),
       spec("CORRID", DType::bytes, {kAnySize, 1}),
       spec("state_in", DType::f32, {kAnySize, 2, kAnySize})},
      {spec("state_out", DType::f32, {kAnySize, 2, kAnySize}), spec("y", DType::f32, {kAnySize})}};
}

TEST(SequencePlan, TakesTheModelApart) {
  const auto plan = plan_sequences(config(), model(), true);
  ASSERT_TRUE(plan.ok()) << plan.status().to_string();
  ASSERT_EQ(plan->client.inputs.size(), 1U);
  EXPECT_EQ(plan->client.inputs[0].name, "x");
  ASSERT_EQ(plan->client.outputs.size(), 1U);
  EXPECT_EQ(plan->client.outputs[0].name, "y");
  ASSERT_EQ(plan->controls.size(), 2U);
  EXPECT_EQ(plan->controls[0].value_true.shape, (Shape{1, 1}));
  EXPECT_EQ(values_of<std::int32_t>(plan->controls[0].value_true), std::vector<std::int32_t>{1});
  ASSERT_EQ(plan->states.size(), 1U);
  EXPECT_EQ(plan->states[0].initial.shape, (Shape{1, 2, 1}));
  EXPECT_EQ(values_of<float>(plan->states[0].initial), (std::vector<float>{0, 0}));
  EXPECT_EQ(plan_sequences(config(), model(), false)->controls[0].value_false.shape, Shape{1});
}

TEST(SequencePlan, SaysWhatDoesNotFit) {
  const auto error = [](const SequenceBatching& batching) {
    const auto plan = plan_sequences(batching, model(), true);
    return plan.ok() ? std::string("ok") : plan.status().message();
  };
  SequenceBatching wrong = config();
  wrong.control_inputs[0].name = "nope";
  EXPECT_NE(error(wrong).find("no control input 'nope'"), std::string::npos);
  wrong = config();
  wrong.control_inputs[0].controls[0].int32_false_true.clear();
  wrong.control_inputs[0].controls[0].fp32_false_true = {0, 1};
  EXPECT_NE(error(wrong).find("is FP32 here and INT32 in the model"), std::string::npos);
  wrong = config();
  wrong.control_inputs[1].controls[0].dtype = DType::f32;
  EXPECT_NE(error(wrong).find("correlation id must be"), std::string::npos);
  wrong = config();
  wrong.states[0].dtype = DType::i32;
  EXPECT_NE(error(wrong).find("'state_in' is FP32 in the model"), std::string::npos);
  wrong = config();
  wrong.states[0].output_name = "gone";
  EXPECT_NE(error(wrong).find("lacks the state 'gone'"), std::string::npos);
  wrong = config();
  wrong.states[0].initial = {
      {.name = "i", .dtype = {}, .dims = {2, 1}, .zero = false, .data_file = "f"}};
  EXPECT_NE(error(wrong).find("files are not supported"), std::string::npos);
}

TEST(SequencePlan, DeclaresTensorsForBackEndsWithoutAGraph) {
  Signature signature = {{spec("x", DType::f32, {kAnySize, 3})},
                         {spec("y", DType::f32, {kAnySize})}};
  ASSERT_TRUE(add_sequence_tensors(config(), true, signature).ok());
  ASSERT_EQ(signature.inputs.size(), 4U);
  EXPECT_EQ(signature.inputs[1].dims, (std::vector<std::int64_t>{kAnySize, 1}));
  EXPECT_EQ(signature.inputs[3].dims, (std::vector<std::int64_t>{kAnySize, 2, kAnySize}));
  EXPECT_EQ(signature.outputs[1].name, "state_out");
  const auto plan = plan_sequences(config(), signature, true);
  ASSERT_TRUE(plan.ok()) << plan.status().to_string();
  EXPECT_EQ(plan->client.inputs.size(), 1U);
}

}  // namespace
}  // namespace mlops::testing
