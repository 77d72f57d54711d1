#include "protocol/config_json.h"

#include <gtest/gtest.h>

#include "engine/complete_config.h"
#include "model/pbtxt.h"
#include "protocol/metadata_json.h"

namespace mlops {
namespace {

Result<ReadModelConfig> read_json(std::string_view text) {
  const Result<ConfigValue> tree = parse_config_json(text);
  if (!tree.ok()) return tree.status();
  return read_model_config(*tree);
}

std::string error_of(std::string_view text) { return read_json(text).status().message(); }

// What clients would be shown: every member, in one order.
std::string shown(const ModelConfig& config) {
  ModelInfo info;
  info.name = "m";
  info.config = std::make_shared<const ModelConfig>(config);
  return model_config_json(info);
}

constexpr std::string_view kPbtxt = R"(
  name: "m" platform: "onnxruntime_onnx" backend: "onnxruntime" max_batch_size: 8
  version_policy { specific { versions: [ 1, 3 ] } }
  input { name: "x" data_type: TYPE_FP32 format: FORMAT_NCHW dims: [ 3, -1 ] optional: true }
  output { name: "y" data_type: TYPE_STRING dims: 1 reshape { shape: [] } label_filename: "l.txt" }
  instance_group { name: "g" kind: KIND_CPU count: 2 gpus: [ 1 ] }
  dynamic_batching {
    preferred_batch_size: [ 4, 8 ] max_queue_delay_microseconds: 100
    priority_levels: 2 default_priority_level: 1
    default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 5 max_queue_size: 7 }
    priority_queue_policy { key: 2 value { allow_timeout_override: true } }
  }
  default_model_filename: "net.onnx"
  metric_tags { key: "team" value: "a" }
  parameters { key: "k" value { string_value: "v" } }
  model_warmup { name: "w" batch_size: 1 inputs {
    key: "x" value { data_type: TYPE_FP32 dims: [ 3, 4 ] random_data: true } } }
  model_transaction_policy { decoupled: true }
)";

TEST(ConfigJson, SaysTheSameAsTheTextForm) {
  const auto text = read_model_config(*parse_pbtxt(kPbtxt));
  ASSERT_TRUE(text.ok()) << text.status().message();
  const std::string json = shown(text->config);
  const auto again = read_json(json);
  ASSERT_TRUE(again.ok()) << again.status().message() << "\n" << json;
  EXPECT_EQ(shown(again->config), json);
  EXPECT_NE(json.find(R"("dims":[3,-1],"is_shape_tensor":false)"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("reshape":{"shape":[]})"), std::string::npos) << json;
  EXPECT_NE(json.find(R"("priority_queue_policy":{"2":{"timeout_action":"REJECT")"),
            std::string::npos)
      << json;
}

TEST(ConfigJson, SequencesAndEnsemblesComeBackToo) {
  for (const std::string_view text :
       {std::string_view(R"(name: "m" max_batch_size: 2 sequence_batching {
            max_sequence_idle_microseconds: 9 direct { minimum_slot_utilization: 0.5 }
            control_input { name: "s" control { kind: CONTROL_SEQUENCE_START
                                               fp32_false_true: [ 0, 1.5 ] } }
            control_input { name: "i" control { kind: CONTROL_SEQUENCE_CORRID
                                               data_type: TYPE_UINT64 } }
            state { input_name: "a" output_name: "b" data_type: TYPE_INT32 dims: [ -1 ]
                    initial_state { name: "z" data_type: TYPE_INT32 dims: 1 zero_data: true } } })"),
        std::string_view(R"(name: "m" platform: "ensemble" max_batch_size: 1 ensemble_scheduling {
            step { model_name: "a" model_version: -1 input_map { key: "x" value: "y" }
                   output_map { key: "p" value: "q" } } })")}) {
    const auto read = read_model_config(*parse_pbtxt(text));
    ASSERT_TRUE(read.ok()) << read.status().message();
    const std::string json = shown(read->config);
    const auto again = read_json(json);
    ASSERT_TRUE(again.ok()) << again.status().message() << "\n" << json;
    EXPECT_EQ(shown(again->config), json);
  }
}

TEST(ConfigJson, TakesCamelCaseStringIntegersAndNull) {
  const auto read = read_json(
      R"({"maxBatchSize":"8","versionPolicy":{"latest":{"numVersions":2}},"input":null,
          "dynamicBatching":{"maxQueueDelayMicroseconds":"100"},
          "parameters":{"camelCase":{"stringValue":"v"}}})");
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(read->config.max_batch_size, 8);
  EXPECT_EQ(read->config.version_policy->latest_count, 2U);
  EXPECT_EQ(read->config.dynamic_batching->queue_delay_us_max, 100U);
  EXPECT_EQ(read->config.parameters.at("camelCase"), "v");
}

TEST(ConfigJson, SaysWhereTheMistakeIs) {
  EXPECT_EQ(error_of("{\n  \"max_batchsize\": 4}"),
            "line 2, column 20: unknown key 'max_batchsize' in a model configuration; did you mean "
            "'max_batch_size'?");
  EXPECT_EQ(error_of("[]"), "the configuration is not a JSON object");
  EXPECT_EQ(error_of(R"({"input":[[]]})"), "line 1, column 11: a list in a list");
  EXPECT_NE(error_of(R"({"name":)").find("failed to parse"), std::string::npos);
  EXPECT_NE(error_of(R"({"name":"a"} x)").find("failed to parse"), std::string::npos);
}

TEST(ConfigJson, IsBounded) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += R"({"a":)";
  EXPECT_NE(error_of(deep).find("nesting depth"), std::string::npos);
  std::string wide = R"({"a":[0)";
  for (int i = 0; i < 70'000; ++i) wide += ",0";
  EXPECT_EQ(error_of(wide + "]}"), "too many values");
}

}  // namespace
}  // namespace mlops
