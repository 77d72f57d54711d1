#include "model/declared_signature.h"

#include <gtest/gtest.h>

#include "model/pbtxt.h"

namespace mlops {
namespace {

ModelConfig config_of(const std::string& text) {
  const Result<ConfigValue> tree = parse_pbtxt(text);
  EXPECT_TRUE(tree.ok()) << tree.status().to_string();
  Result<ReadModelConfig> read = read_model_config(*tree);
  EXPECT_TRUE(read.ok()) << read.status().to_string();
  return std::move(read->config);
}

constexpr char kSequence[] = R"(
  max_batch_size: 8
  input [{ name: "INPUT" data_type: TYPE_INT32 dims: [ 1 ] }]
  output [{ name: "OUTPUT" data_type: TYPE_INT32 dims: [ 1 ] }]
  sequence_batching {
    oldest { max_candidate_sequences: 4 }
    control_input [
      { name: "START" control [{ kind: CONTROL_SEQUENCE_START fp32_false_true: [ 0, 1 ] }] },
      { name: "CORRID" control [{ kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_STRING }] }
    ]
    state [{ input_name: "in" output_name: "out" data_type: TYPE_FP32 dims: [ 2 ] }]
  })";

TEST(DeclaredSignature, HasTheBatchAxisInFront) {
  const auto signature = declared_signature(config_of(kSequence));
  ASSERT_TRUE(signature.ok()) << signature.status().to_string();
  ASSERT_EQ(signature->inputs.size(), 4U);
  EXPECT_EQ(signature->inputs[0].dims, (std::vector<std::int64_t>{kAnySize, 1}));
  EXPECT_EQ(signature->inputs[1].dtype, DType::f32);
  EXPECT_EQ(signature->inputs[2].dtype, DType::bytes);
  EXPECT_EQ(signature->inputs[3].dims, (std::vector<std::int64_t>{kAnySize, 2}));
  EXPECT_EQ(signature->outputs[1].name, "out");
  const auto plain = declared_signature(
      config_of(R"(max_batch_size: 0 input [{ name: "IN" data_type: TYPE_INT32 dims: [ -1 ] }])"));
  EXPECT_EQ(plain->inputs[0].dims, std::vector<std::int64_t>{kAnySize});
}

TEST(DeclaredSignature, NeedsTypesAndShapes) {
  EXPECT_FALSE(declared_signature(config_of(R"(input [{ name: "IN" dims: [ 1 ] }])")).ok());
  EXPECT_FALSE(
      declared_signature(config_of(R"(input [{ name: "IN" data_type: TYPE_FP32 }])")).ok());
}

TEST(DeclaredSignature, ControlsAndStatesAreTensorsOfTheModel) {
  const ModelConfig whole = with_sequence_tensors(config_of(kSequence));
  ASSERT_EQ(whole.inputs.size(), 4U);
  EXPECT_EQ(whole.inputs[1].name, "START");
  EXPECT_EQ(whole.outputs.back().name, "out");
}

}  // namespace
}  // namespace mlops
