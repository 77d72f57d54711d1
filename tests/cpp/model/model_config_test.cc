#include "model/model_config.h"

#include <gtest/gtest.h>

#include "model/pbtxt.h"

namespace mlops {
namespace {

Result<ReadModelConfig> read(std::string_view text) {
  const Result<ConfigValue> tree = parse_pbtxt(text);
  if (!tree.ok()) return tree.status();
  return read_model_config(*tree);
}

std::string error_of(std::string_view text) { return read(text).status().message(); }

TEST(ModelConfigText, ReadsTheCommonCase) {
  const auto found = read(R"(
    name: "densenet"
    platform: "onnxruntime_onnx"
    max_batch_size: 8
    input [ { name: "data_0" data_type: TYPE_FP32 format: FORMAT_NCHW dims: [ 3, 224, 224 ]
              reshape { shape: [ 1, 3, 224, 224 ] } } ]
    output [ { name: "fc6_1" data_type: TYPE_FP32 dims: [ 1000 ] label_filename: "labels.txt" } ]
    instance_group [ { count: 2 kind: KIND_CPU } ]
    version_policy: { latest { num_versions: 2 } }
    dynamic_batching { preferred_batch_size: [ 4, 8 ] max_queue_delay_microseconds: 100 }
    parameters { key: "k" value: { string_value: "v" } }
  )");
  ASSERT_TRUE(found.ok()) << found.status().message();
  const ModelConfig& config = found->config;
  EXPECT_EQ(config.name, "densenet");
  EXPECT_EQ(config.max_batch_size, 8);
  ASSERT_EQ(config.inputs.size(), 1U);
  EXPECT_EQ(config.inputs[0].dtype, DType::f32);
  EXPECT_EQ(config.inputs[0].format, TensorFormat::nchw);
  EXPECT_EQ(config.inputs[0].dims, (std::vector<std::int64_t>{3, 224, 224}));
  EXPECT_EQ(config.inputs[0].reshape, (std::vector<std::int64_t>{1, 3, 224, 224}));
  EXPECT_EQ(config.outputs.at(0).label_filename, "labels.txt");
  EXPECT_EQ(config.instance_groups.at(0).count, 2U);
  EXPECT_EQ(config.instance_groups.at(0).kind, InstanceGroup::Kind::cpu);
  EXPECT_EQ(config.version_policy->latest_count, 2U);
  EXPECT_EQ(config.dynamic_batching->queue_delay_us_max, 100U);
  EXPECT_EQ(config.parameters.at("k"), "v");
  EXPECT_TRUE(found->unused.empty());
}

TEST(ModelConfigText, AbsentAndZeroBatchSizesDiffer) {
  EXPECT_EQ(read("name: 'm'")->config.max_batch_size, std::nullopt);
  EXPECT_EQ(read("max_batch_size: 0")->config.max_batch_size, 0);
}

TEST(ModelConfigText, ReadsSequencesAndPriorities) {
  const auto sequence = read(R"(
    max_batch_size: 4
    sequence_batching {
      max_sequence_idle_microseconds: 5000000
      oldest { max_candidate_sequences: 16 }
      control_input [
        { name: "START" control [ { kind: CONTROL_SEQUENCE_START fp32_false_true: [ 0, 1 ] } ] },
        { name: "ID" control [ { kind: CONTROL_SEQUENCE_CORRID data_type: TYPE_UINT64 } ] } ]
      state [ { input_name: "I" output_name: "O" data_type: TYPE_INT32 dims: [ -1 ]
                initial_state: { data_type: TYPE_INT32 dims: [ 1 ] zero_data: true name: "z" } } ]
    })");
  ASSERT_TRUE(sequence.ok()) << sequence.status().message();
  const SequenceBatching& batching = *sequence->config.sequence_batching;
  EXPECT_EQ(batching.strategy, SequenceBatching::Strategy::oldest);
  EXPECT_EQ(batching.candidate_sequences_max, 16);
  EXPECT_EQ(batching.control_inputs.at(0).controls.at(0).fp32_false_true.at(1), 1.0F);
  EXPECT_EQ(batching.control_inputs.at(1).controls.at(0).dtype, DType::u64);
  EXPECT_TRUE(batching.states.at(0).initial.at(0).zero);

  const auto priorities = read(R"(
    dynamic_batching { priority_levels: 2 default_priority_level: 1
      default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 7 }
      priority_queue_policy { key: 2 value: { max_queue_size: 9 allow_timeout_override: true } } })");
  ASSERT_TRUE(priorities.ok()) << priorities.status().message();
  const DynamicBatching& dynamic = *priorities->config.dynamic_batching;
  EXPECT_EQ(dynamic.default_queue_policy.timeout_action, QueuePolicy::TimeoutAction::delay);
  EXPECT_EQ(dynamic.priority_queue_policy.at(2).queue_requests_max, 9U);
}

TEST(ModelConfigText, ReadsEnsemblesAndWarmUps) {
  const auto found = read(R"(
    platform: "ensemble" max_batch_size: 1
    ensemble_scheduling { step [
      { model_name: "a" model_version: -1 input_map { key: "x" value: "IN" }
        output_map { key: "y" value: "mid" } },
      { model_name: "b" input_map { key: "x" value: "mid" } output_map { key: "y" value: "OUT" } } ] }
    model_warmup [ { name: "w" batch_size: 1 count: 2 inputs { key: "IN" value: {
      data_type: TYPE_FP32 dims: 4 random_data: true } } } ])");
  ASSERT_TRUE(found.ok()) << found.status().message();
  EXPECT_TRUE(found->config.is_ensemble());
  EXPECT_EQ(found->config.ensemble->at(1).version, -1);
  EXPECT_EQ(found->config.ensemble->at(0).input_map.at("x"), "IN");
  EXPECT_EQ(found->config.warmup.at(0).inputs.at("IN").source, WarmupInput::Source::random);
}

TEST(ModelConfigText, NotesWhatIsKnownAndUnused) {
  const auto found = read("optimization { graph { level: 1 } }\ninstance_group { passive: true }");
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->unused, (std::vector<std::string>{"'optimization' (line 1, column 14)",
                                                     "'passive' (line 2, column 27)"}));
}

TEST(ModelConfigText, KeepsAndChecksWhatHasNoEffect) {
  const auto found = read(
      "optimization { cuda { graphs: true } }\n"
      "instance_group { rate_limiter { priority: 3 resources { name: 'R' count: 1 } } }");
  ASSERT_TRUE(found.ok()) << found.status().message();
  EXPECT_EQ(found->config.accepted.at(0).name, "optimization");
  EXPECT_EQ(found->config.instance_groups.at(0).priority, 3U);
  EXPECT_EQ(found->config.instance_groups.at(0).accepted.at(0).name, "rate_limiter");
  const std::pair<const char*, const char*> kCases[] = {
      {"optimization { graphs { } }",
       "unknown key 'graphs' in optimization; did you mean 'graph'?"},
      {"optimization { graph { level: 'x' } }", "expected an integer"},
      {"optimization { graph { level: 1 level: 2 } }", "'level' is given twice"},
      {"optimization { priority: HIGH }", "expected one of PRIORITY_DEFAULT, "},
      {"optimization { execution_accelerators { cpu_execution_accelerator { "
       "parameters { key: 'k' } parameters { key: 'k' } } } }",
       "key 'k' is given twice"},
      {"optimization { cuda { graph_spec { input { value: { dim: 1 } } } } }", "has no key"},
      {"model_metrics { metric_control { histogram_options { buckets: 'x' } } }", "a number"},
      {"model_operations: 1", "a message in braces"},
      {"optimization { } optimization { }", "'optimization' is given twice"},
  };
  for (const auto& [text, error] : kCases) {
    EXPECT_NE(error_of(text).find(error), std::string::npos) << text << ": " << error_of(text);
  }
}

TEST(ModelConfigText, UnknownKeysNameTheNearOne) {
  EXPECT_EQ(error_of("name: 'm'\nmax_batchsize: 4"),
            "line 2, column 16: unknown key 'max_batchsize' in a model configuration; did you mean "
            "'max_batch_size'?");
  EXPECT_EQ(error_of("input { datatype: TYPE_FP32 }"),
            "line 1, column 19: unknown key 'datatype' in input; did you mean 'data_type'?");
  EXPECT_EQ(error_of("zebra: 1"), "line 1, column 8: unknown key 'zebra' in a model configuration");
}

TEST(ModelConfigText, RefusesWhatDoesNotFit) {
  const std::pair<const char*, const char*> kCases[] = {
      {"max_batch_size: 'x'", "line 1, column 17: expected an integer, found 'x'"},
      {"max_batch_size: -1", "max_batch_size is negative"},
      {"max_batch_size: 99999999999999999999", "out of range"},
      {"name: m", "line 1, column 7: expected a string in quotes, found 'm'"},
      {"name: 'a' name: 'b'", "'name' is given twice"},
      {"input { name: 'x' data_type: FP32 }", "expected a data type such as TYPE_FP32"},
      {"input { name: 'x' dims: 0 }", "dimensions are at least 1, or -1"},
      {"input { name: 'x' } input { name: 'x' }", "input 'x' is given twice"},
      {"input { }", "an input has no name"},
      {"instance_group { kind: KIND_TPU }", "expected one of KIND_AUTO, KIND_GPU"},
      {"version_policy { latest { num_versions: 0 } }", "no version would serve"},
      {"version_policy { all {} latest {} }", "takes one of latest, all and specific"},
      {"dynamic_batching {} ensemble_scheduling { step { model_name: 'a' } }", "only one of"},
      {"max_batch_size: 4 dynamic_batching { preferred_batch_size: 8 }", "above max_batch_size 4"},
      {"dynamic_batching { priority_levels: 2 }", "default_priority_level must be from 1"},
      {"dynamic_batching { preserve_ordering: true priority_levels: 2 default_priority_level: 1 }",
       "preserve_ordering excludes"},
      {"dynamic_batching { preserve_ordering: true default_queue_policy { timeout_action: DELAY } "
       "}",
       "preserve_ordering excludes"},
      {"default_model_filename: '../x'", "not a name inside the model's folder"},
      {"output { name: 'y' label_filename: '/etc/passwd' }", "not a name inside"},
      {"platform: 'ensemble'", "ensemble_scheduling is missing"},
      {"parameters { value: { string_value: 'v' } }", "has no key"},
      {"sequence_batching { control_input { name: 'c' control { kind: CONTROL_SEQUENCE_START "
       "int32_false_true: 1 } } }",
       "a control needs two values"},
  };
  for (const auto& [text, error] : kCases) {
    EXPECT_NE(error_of(text).find(error), std::string::npos) << text << "\n  " << error_of(text);
  }
}

}  // namespace
}  // namespace mlops
