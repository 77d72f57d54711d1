#include "model/batch_rule.h"

#include <gtest/gtest.h>

#include "support/requests.h"

namespace mlops::testing {
namespace {

TensorSpec open(const char* name, const char* symbol) {
  return spec(name, DType::f32, {kAnySize, 4}, symbol);
}

bool batchable(std::vector<TensorSpec> inputs, std::vector<TensorSpec> outputs) {
  const BatchRule rule = infer_batch_rule({std::move(inputs), std::move(outputs)});
  EXPECT_FALSE(rule.reason.empty());
  return rule.batchable;
}

TEST(BatchRule, OpenFirstAxesEverywhere) {
  EXPECT_TRUE(batchable({open("a", "N")}, {open("x", "N")}));
  EXPECT_TRUE(batchable({open("a", "")}, {open("x", "")}));
  EXPECT_TRUE(batchable({open("a", "N"), open("b", "N")}, {open("x", "M")}));  // the probe decides
}

TEST(BatchRule, WhatCannotBeMerged) {
  EXPECT_FALSE(batchable({}, {open("x", "N")}));
  EXPECT_FALSE(batchable({spec("a", DType::f32, {})}, {open("x", "N")}));
  EXPECT_FALSE(batchable({spec("a", DType::f32, {8, 4})}, {open("x", "N")}));
  EXPECT_FALSE(batchable({open("a", "N"), open("b", "M")}, {open("x", "N")}));
  EXPECT_FALSE(batchable({open("a", "N"), spec("b", DType::f32, {})}, {open("x", "N")}));
  EXPECT_FALSE(batchable({open("a", "N")}, {spec("x", DType::f32, {})}));
  EXPECT_FALSE(batchable({open("a", "N")}, {spec("x", DType::f32, {1, 4})}));
  TensorSpec unknown = open("a", "N");
  unknown.rank_known = false;
  EXPECT_FALSE(batchable({unknown}, {open("x", "N")}));
  TensorSpec square = spec("a", DType::f32, {kAnySize, kAnySize}, "N");
  square.symbols[1] = "N";
  EXPECT_FALSE(batchable({square}, {open("x", "N")}));
}

}  // namespace
}  // namespace mlops::testing
