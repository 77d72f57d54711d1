#include "model/config_fit.h"

#include <gtest/gtest.h>

#include "model/pbtxt.h"

namespace mlops {
namespace {

using Dims = std::vector<std::int64_t>;

TensorSpec spec(const std::string& name, const Dims& dims, DType dtype = DType::f32) {
  return {name, dtype, dims, std::vector<std::string>(dims.size()), true};
}

const Signature& graph() {
  static const Signature made = {{spec("x", {kAnySize, 3, kAnySize})},
                                 {spec("y", {kAnySize, 2}), spec("z", {kAnySize}, DType::i64)}};
  return made;
}

Result<FittedModel> fit(std::string_view text, const Signature& signature = graph()) {
  const auto tree = parse_pbtxt(text);
  EXPECT_TRUE(tree.ok()) << tree.status().message();
  const auto config = read_model_config(*tree);
  EXPECT_TRUE(config.ok()) << config.status().message();
  return fit_config(config->config, signature);
}

TEST(ConfigFit, DimsLeaveOutTheBatchAxisWhenThereIsOne) {
  const auto batched = fit("max_batch_size: 8 input { name: 'x' dims: [3, -1] }");
  ASSERT_TRUE(batched.ok()) << batched.status().message();
  EXPECT_FALSE(batched->differs);
  const auto whole = fit("max_batch_size: 0 input { name: 'x' dims: [-1, 3, -1] }");
  ASSERT_TRUE(whole.ok()) << whole.status().message();
  EXPECT_FALSE(whole->differs);
  EXPECT_FALSE(fit("max_batch_size: 0 input { name: 'x' dims: [3, -1] }").ok());
}

TEST(ConfigFit, WithoutMaxBatchSizeBothWaysWillDo) {
  EXPECT_TRUE(fit("input { name: 'x' dims: [3, -1] }").ok());
  EXPECT_TRUE(fit("input { name: 'x' dims: [-1, 3, -1] }").ok());
  EXPECT_FALSE(fit("input { name: 'x' dims: [-1] }").ok());
}

TEST(ConfigFit, AConfigurationMayNarrowTheGraph) {
  const auto narrowed = fit("max_batch_size: 8 input { name: 'x' dims: [3, 7] }");
  ASSERT_TRUE(narrowed.ok());
  EXPECT_TRUE(narrowed->differs);
  EXPECT_EQ(signature_of(*narrowed).inputs[0].dims, (Dims{kAnySize, 3, 7}));
  EXPECT_EQ(fit("max_batch_size: 8 input { name: 'x' dims: [-1, -1] }").status().message(),
            "input 'x' has shape [-1,-1,-1] by the configuration (the batch axis first) and "
            "[-1,3,-1] in the model");
}

TEST(ConfigFit, LeavesOutOutputsThatAreNotNamed) {
  const auto fitted = fit("output { name: 'z' data_type: TYPE_INT64 }");
  ASSERT_TRUE(fitted.ok());
  EXPECT_TRUE(fitted->differs);
  ASSERT_EQ(fitted->outputs.size(), 1U);
  EXPECT_EQ(fitted->outputs[0].graph_index, 1U);
}

TEST(ConfigFit, ReshapesWhatClientsSee) {
  const Signature fixed = {{spec("x", {1, 3, 4})}, {spec("y", {1, 2})}};
  const auto fitted =
      fit("max_batch_size: 0 input { name: 'x' dims: [3, 4] reshape { shape: [1, 3, 4] } }"
          "output { name: 'y' dims: [2] reshape { shape: [1, 2] } }",
          fixed);
  ASSERT_TRUE(fitted.ok()) << fitted.status().message();
  EXPECT_EQ(signature_of(*fitted).inputs[0].dims, (Dims{3, 4}));
  EXPECT_EQ(fitted->inputs[0].graph_dims, (Dims{1, 3, 4}));
  EXPECT_TRUE(fitted->outputs[0].reshaped);
  EXPECT_FALSE(fit("input { name: 'x' dims: [5] reshape { shape: [1, 3, 4] } }", fixed).ok());
}

TEST(ConfigFit, RefusesWhatTheGraphDoesNotHave) {
  EXPECT_EQ(fit("input { name: 'w' }").status().message(),
            "the configuration has input 'w', which the model has not; it has 'x'");
  EXPECT_EQ(fit("output { name: 'y' data_type: TYPE_FP64 }").status().message(),
            "output 'y' is TYPE_FP64 in the configuration and TYPE_FP32 in the model");
  const Signature fixed = {{spec("x", {2, 3})}, {spec("y", {2})}};
  EXPECT_EQ(fit("max_batch_size: 4", fixed).status().message(),
            "max_batch_size is 4, but input 'x' of the model has shape [2,3], without an open "
            "first axis for the batch; use max_batch_size: 0");
}

}  // namespace
}  // namespace mlops
