#include "model/padding_rule.h"

#include <gtest/gtest.h>

#include "support/requests.h"

namespace mlops::testing {
namespace {

Signature encoder() {
  return {{spec("input_ids", DType::i64, {kAnySize, kAnySize}),
           spec("attention_mask", DType::i64, {kAnySize, kAnySize})},
          {spec("sentence", DType::f32, {kAnySize, 384})}};
}

bool declared(const Signature& signature, const ConfigStrings& parameters = {}) {
  const Result<PaddingRule> rule = padding_rule(signature, parameters);
  EXPECT_TRUE(rule.ok()) << rule.status().to_string();
  return rule->declared;
}

TEST(PaddingRule, AnInputCalledAttentionMaskDeclaresIt) {
  EXPECT_TRUE(declared(encoder()));
  EXPECT_EQ(padding_rule(encoder(), {})->mask, 1U);
  Signature other = encoder();
  other.inputs[1].name = "mask";
  EXPECT_FALSE(declared(other));
}

TEST(PaddingRule, TheConfigurationNamesAnotherOrNone) {
  Signature other = encoder();
  other.inputs[0].name = "mask";
  EXPECT_EQ(padding_rule(other, {{"padding_mask", "mask"}})->mask, 0U);
  EXPECT_FALSE(declared(encoder(), {{"padding_mask", "none"}}));
  EXPECT_FALSE(padding_rule(encoder(), {{"padding_mask", "tokens"}}).ok());
}

TEST(PaddingRule, AnswersThatDependOnTheLengthAreNotPadded) {
  Signature tokens = encoder();
  tokens.outputs[0] = spec("states", DType::f32, {kAnySize, kAnySize, 384});
  EXPECT_FALSE(declared(tokens));
  tokens.outputs[0].rank_known = false;
  EXPECT_FALSE(declared(tokens));
}

TEST(PaddingRule, EveryInputIsARowOfNumbersOfOpenLength) {
  for (const TensorSpec& odd : {spec("image", DType::f32, {kAnySize, 3, kAnySize}),
                                spec("scale", DType::f32, {kAnySize, 1}),
                                spec("words", DType::bytes, {kAnySize, kAnySize})}) {
    Signature signature = encoder();
    signature.inputs.push_back(odd);
    EXPECT_FALSE(declared(signature)) << odd.name;
  }
}

}  // namespace
}  // namespace mlops::testing
