#include "model/serving_limits.h"

#include <gtest/gtest.h>

#include "model/config_reader.h"
#include "model/pbtxt.h"

namespace mlops {
namespace {

Result<double> weight_of(const std::string& text) {
  const Result<ConfigValue> tree = parse_pbtxt(text);
  if (!tree.ok()) return tree.status();
  const Result<ReadModelConfig> read = read_model_config(*tree);
  if (!read.ok()) return read.status();
  return compute_weight(read->config);
}

TEST(ComputeWeight, IsOneUnlessSomethingIsSaid) {
  EXPECT_EQ(*weight_of(""), 1);
  EXPECT_EQ(*weight_of("instance_group { count: 4 }"), 1);
  EXPECT_EQ(*weight_of("instance_group { count: 4 rate_limiter { priority: 1 } }"), 1);
}

TEST(ComputeWeight, APriorityIsSoManyTimesFewerChances) {
  EXPECT_EQ(*weight_of("instance_group { count: 8 rate_limiter { priority: 4 } }"), 0.25);
  EXPECT_EQ(
      *weight_of("instance_group [ { count: 1 rate_limiter { priority: 2 } }, { count: 3 } ]"),
      0.875);
}

TEST(ComputeWeight, TheParameterCountsMore) {
  const std::string with_priority = "instance_group { rate_limiter { priority: 2 } } ";
  const auto parameter = [](const std::string& value) {
    return "parameters { key: 'compute_weight' value { string_value: '" + value + "' } }";
  };
  EXPECT_EQ(*weight_of(with_priority + parameter("7")), 7);
  EXPECT_EQ(*weight_of(with_priority + parameter("0")), 0.5);
  for (const char* wrong : {"-1", "1.5", "1001", "", "much"}) {
    EXPECT_EQ(weight_of(parameter(wrong)).status().code(), Code::invalid_argument) << wrong;
  }
}

TEST(ComputeWeight, ResourcesAreKnownAndUnused) {
  EXPECT_TRUE(weight_of("instance_group { rate_limiter { resources [ { name: 'R' count: 1 } ] "
                        "priority: 1 } }")
                  .ok());
  EXPECT_EQ(weight_of("instance_group { rate_limiter { prio: 1 } }").status().code(),
            Code::invalid_argument);
}

}  // namespace
}  // namespace mlops
