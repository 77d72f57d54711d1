#pragma once
// A model's configuration: what Triton's config.pbtxt can say, as plain data. Absent means that the
// model file decides, or the default of the field. Immutable once a model is loaded; any thread may
// read it. Read by read_model_config() from the tree that pbtxt.h or a JSON reader made.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/config_tree.h"
#include "model/version_policy.h"
#include "tensor/dtype.h"

namespace mlops {

using ConfigStrings = std::map<std::string, std::string>;

enum class TensorFormat : std::uint8_t { none, nhwc, nchw };

// An input or an output. `optional` and `allow_ragged_batch` are of inputs, `label_filename` is of
// outputs.
struct TensorConfig {
  std::string name;
  std::optional<DType> dtype;
  std::vector<std::int64_t> dims;  // without the batch axis when max_batch_size > 0
  std::optional<std::vector<std::int64_t>> reshape;
  TensorFormat format = TensorFormat::none;
  bool is_shape_tensor = false;
  bool is_non_linear_format = false;  // accepted without effect
  bool allow_ragged_batch = false;
  bool optional = false;
  std::string label_filename;
};

struct InstanceGroup {
  enum class Kind : std::uint8_t { automatic, gpu, cpu, model };
  std::string name;
  Kind kind = Kind::automatic;
  std::uint32_t count = 0;  // 0: the engine's default
  std::vector<std::int32_t> gpus;
  std::uint32_t priority = 0;         // of its rate limiter: 1 is the highest; 0: none was given
  std::vector<ConfigField> accepted;  // as given; accepted_settings.h
};

struct QueuePolicy {
  enum class TimeoutAction : std::uint8_t { reject, delay };
  TimeoutAction timeout_action = TimeoutAction::reject;
  std::uint64_t default_timeout_us = 0;  // 0: none
  bool allow_timeout_override = false;
  std::uint32_t queue_requests_max = 0;  // 0: the engine's default

  bool operator==(const QueuePolicy&) const = default;
};

struct DynamicBatching {
  std::vector<std::int64_t> preferred_batch_sizes;
  std::uint64_t queue_delay_us_max = 0;
  bool preserve_ordering = false;
  std::uint64_t priority_levels = 0;
  std::uint64_t default_priority_level = 0;
  QueuePolicy default_queue_policy;
  std::map<std::uint64_t, QueuePolicy> priority_queue_policy;  // by level, from 1
};

struct SequenceControl {
  enum class Kind : std::uint8_t { start, ready, end, correlation_id };
  Kind kind = Kind::start;
  // One of the three has two values, for false and for true; none for the correlation id.
  std::vector<std::int32_t> int32_false_true;
  std::vector<float> fp32_false_true;
  std::vector<bool> bool_false_true;
  std::optional<DType> dtype;  // of the correlation id
};

struct SequenceControlInput {
  std::string name;
  std::vector<SequenceControl> controls;
};

struct SequenceInitialState {
  std::string name;
  std::optional<DType> dtype;
  std::vector<std::int64_t> dims;
  bool zero = false;
  std::string data_file;  // in <model>/initial_state; when not zero
};

struct SequenceState {
  std::string input_name;
  std::string output_name;
  std::optional<DType> dtype;
  std::vector<std::int64_t> dims;
  std::vector<SequenceInitialState> initial;
  bool use_same_buffer = false;
  bool use_growable_memory = false;
};

struct SequenceBatching {
  enum class Strategy : std::uint8_t { direct, oldest };
  Strategy strategy = Strategy::direct;
  std::uint64_t idle_us_max = 1'000'000;
  std::uint64_t queue_delay_us_max = 0;
  float slot_utilization_min = 0;                   // direct
  std::int32_t candidate_sequences_max = 0;         // oldest
  std::vector<std::int64_t> preferred_batch_sizes;  // oldest
  bool preserve_ordering = false;                   // oldest
  std::vector<SequenceControlInput> control_inputs;
  std::vector<SequenceState> states;
  bool iterative = false;
};

struct EnsembleStep {
  std::string model;
  std::int64_t version = -1;    // -1: the version that policy makes the default
  ConfigStrings input_map;      // the model's input -> the ensemble's tensor
  ConfigStrings output_map;     // the model's output -> the ensemble's tensor
  std::string model_namespace;  // accepted without effect
};

struct WarmupInput {
  enum class Source : std::uint8_t { zero, random, file };
  std::optional<DType> dtype;
  std::vector<std::int64_t> dims;
  Source source = Source::zero;
  std::string data_file;  // in <model>/warmup
};

struct ModelWarmup {
  std::string name;
  std::uint32_t batch_size = 0;  // 0: the model has no batch axis
  std::uint32_t count = 0;       // runs; 0: one
  std::map<std::string, WarmupInput> inputs;
};

struct BatchInputConfig {
  std::string kind;
  std::vector<std::string> target_names;
  std::optional<DType> dtype;
  std::vector<std::string> source_inputs;
};

struct BatchOutputConfig {
  std::string kind;
  std::vector<std::string> target_names;
  std::vector<std::string> source_inputs;
};

struct ModelConfig {
  std::string name;      // empty: the folder's
  std::string platform;  // "onnxruntime_onnx", "ensemble"
  std::string backend;   // "onnxruntime", "identity", ...
  std::string runtime;
  std::optional<std::int64_t> max_batch_size;  // 0: no batching; absent: inferred
  std::optional<VersionPolicy> version_policy;
  std::vector<TensorConfig> inputs;
  std::vector<TensorConfig> outputs;
  std::vector<BatchInputConfig> batch_inputs;
  std::vector<BatchOutputConfig> batch_outputs;
  std::vector<InstanceGroup> instance_groups;
  // At most one of the three.
  std::optional<DynamicBatching> dynamic_batching;
  std::optional<SequenceBatching> sequence_batching;
  std::optional<std::vector<EnsembleStep>> ensemble;
  std::uint32_t ensemble_inflight_requests_max = 0;  // accepted without effect
  std::string default_model_filename;                // empty: model.onnx
  ConfigStrings cc_model_filenames;
  ConfigStrings metric_tags;
  ConfigStrings parameters;
  std::vector<ModelWarmup> warmup;
  bool decoupled = false;
  bool response_cache = false;
  std::vector<ConfigField> accepted;  // as given, without effect; accepted_settings.h

  bool is_ensemble() const { return ensemble.has_value() || platform == "ensemble"; }
};

struct ReadModelConfig {
  ModelConfig config;
  // Settings of Triton that were given and change nothing here, for the log: "optimization (line 3,
  // column 1)".
  std::vector<std::string> unused;
};

// Fails with invalid_argument and the place of the mistake; an unknown key's error names the
// nearest known one. Checks everything that needs no model file.
Result<ReadModelConfig> read_model_config(const ConfigValue& tree);

// "TYPE_FP32".
std::string_view config_type_name(DType dtype);
std::optional<DType> dtype_from_config(std::string_view name);

}  // namespace mlops
