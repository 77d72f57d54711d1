// The configuration endpoint over HTTP: every member that Triton writes, under Triton's names.

#include <array>

#include "protocol/accepted_echo.h"
#include "protocol/json_writer.h"
#include "protocol/metadata_json.h"
#include "protocol/model_config.h"

namespace mlops {
namespace {

constexpr std::array<std::string_view, 3> kFormats = {"FORMAT_NONE", "FORMAT_NHWC", "FORMAT_NCHW"};
constexpr std::array<std::string_view, 4> kInstanceKinds = {"KIND_AUTO", "KIND_GPU", "KIND_CPU",
                                                            "KIND_MODEL"};
constexpr std::array<std::string_view, 4> kControlKinds = {
    "CONTROL_SEQUENCE_START", "CONTROL_SEQUENCE_READY", "CONTROL_SEQUENCE_END",
    "CONTROL_SEQUENCE_CORRID"};

template <class Enum>
std::size_t index_of(Enum value) {
  return static_cast<std::size_t>(value);
}

JsonWriter& count(JsonWriter& json, std::string_view key, std::uint64_t value) {
  return json.key(key).integer(static_cast<std::int64_t>(value));
}

void write_type(JsonWriter& json, std::optional<DType> dtype) {
  json.key("data_type").string(dtype ? config_type_name(*dtype) : "TYPE_INVALID");
}

void write_strings(JsonWriter& json, std::string_view key, const ConfigStrings& strings) {
  json.key(key).object();
  for (const auto& [name, value] : strings) json.key(name).string(value);
  json.end_object();
}

void write_reshape(JsonWriter& json, const TensorConfig& tensor) {
  if (!tensor.reshape) return;
  json.key("reshape").object().key("shape").integers(*tensor.reshape).end_object();
}

void write_inputs(JsonWriter& json, const ModelConfig& config) {
  json.key("input").array();
  for (const TensorConfig& input : config.inputs) {
    json.object().key("name").string(input.name);
    write_type(json, input.dtype);
    json.key("format").string(kFormats[index_of(input.format)]).key("dims").integers(input.dims);
    write_reshape(json, input);
    json.key("is_shape_tensor").boolean(input.is_shape_tensor);
    json.key("allow_ragged_batch").boolean(input.allow_ragged_batch);
    json.key("optional").boolean(input.optional);
    json.key("is_non_linear_format_io").boolean(input.is_non_linear_format).end_object();
  }
  json.end_array();
}

void write_outputs(JsonWriter& json, const ModelConfig& config) {
  json.key("output").array();
  for (const TensorConfig& output : config.outputs) {
    json.object().key("name").string(output.name);
    write_type(json, output.dtype);
    json.key("dims").integers(output.dims);
    write_reshape(json, output);
    json.key("label_filename").string(output.label_filename);
    json.key("is_shape_tensor").boolean(output.is_shape_tensor);
    json.key("is_non_linear_format_io").boolean(output.is_non_linear_format).end_object();
  }
  json.end_array();
}

void write_version_policy(JsonWriter& json, const VersionPolicy& policy) {
  json.key("version_policy").object();
  if (policy.choice == VersionPolicy::Choice::latest) {
    json.key("latest").object();
    count(json, "num_versions", policy.latest_count).end_object();
  } else if (policy.choice == VersionPolicy::Choice::all) {
    json.key("all").object().end_object();
  } else {
    json.key("specific").object().key("versions").integers(policy.specific).end_object();
  }
  json.end_object();
}

void write_policy(JsonWriter& json, const QueuePolicy& policy) {
  const bool delay = policy.timeout_action == QueuePolicy::TimeoutAction::delay;
  json.object().key("timeout_action").string(delay ? "DELAY" : "REJECT");
  count(json, "default_timeout_microseconds", policy.default_timeout_us);
  json.key("allow_timeout_override").boolean(policy.allow_timeout_override);
  count(json, "max_queue_size", policy.queue_requests_max).end_object();
}

void write_dynamic(JsonWriter& json, const DynamicBatching& batching) {
  json.key("dynamic_batching").object();
  json.key("preferred_batch_size").integers(batching.preferred_batch_sizes);
  count(json, "max_queue_delay_microseconds", batching.queue_delay_us_max);
  json.key("preserve_ordering").boolean(batching.preserve_ordering);
  count(json, "priority_levels", batching.priority_levels);
  count(json, "default_priority_level", batching.default_priority_level);
  if (shows_default_policy(batching)) {
    json.key("default_queue_policy");
    write_policy(json, batching.default_queue_policy);
  }
  json.key("priority_queue_policy").object();
  for (const auto& [level, policy] : batching.priority_queue_policy) {
    json.key(std::to_string(level));
    write_policy(json, policy);
  }
  json.end_object().end_object();
}

void write_control(JsonWriter& json, const SequenceControl& control) {
  json.object().key("kind").string(kControlKinds[index_of(control.kind)]);
  json.key("int32_false_true").integers(control.int32_false_true);
  json.key("fp32_false_true").array();
  for (const float value : control.fp32_false_true) json.number(static_cast<double>(value));
  json.end_array().key("bool_false_true").array();
  for (const bool value : control.bool_false_true) json.boolean(value);
  json.end_array();
  write_type(json, control.dtype);
  json.end_object();
}

void write_state(JsonWriter& json, const SequenceState& state) {
  json.object().key("input_name").string(state.input_name);
  json.key("output_name").string(state.output_name);
  write_type(json, state.dtype);
  json.key("dims").integers(state.dims).key("initial_state").array();
  for (const SequenceInitialState& initial : state.initial) {
    json.object().key("name").string(initial.name);
    write_type(json, initial.dtype);
    json.key("dims").integers(initial.dims);
    if (initial.zero) {
      json.key("zero_data").boolean(true);
    } else {
      json.key("data_file").string(initial.data_file);
    }
    json.end_object();
  }
  json.end_array().key("use_same_buffer_for_input_output").boolean(state.use_same_buffer);
  json.key("use_growable_memory").boolean(state.use_growable_memory).end_object();
}

void write_strategy(JsonWriter& json, const SequenceBatching& batching) {
  if (batching.strategy == SequenceBatching::Strategy::direct) {
    json.key("direct").object();
    count(json, "max_queue_delay_microseconds", batching.queue_delay_us_max);
    json.key("minimum_slot_utilization");
    json.number(static_cast<double>(batching.slot_utilization_min)).end_object();
    return;
  }
  json.key("oldest").object();
  json.key("max_candidate_sequences").integer(batching.candidate_sequences_max);
  json.key("preferred_batch_size").integers(batching.preferred_batch_sizes);
  count(json, "max_queue_delay_microseconds", batching.queue_delay_us_max);
  json.key("preserve_ordering").boolean(batching.preserve_ordering).end_object();
}

void write_sequence(JsonWriter& json, const SequenceBatching& batching) {
  json.key("sequence_batching").object();
  write_strategy(json, batching);
  count(json, "max_sequence_idle_microseconds", batching.idle_us_max);
  json.key("control_input").array();
  for (const SequenceControlInput& input : batching.control_inputs) {
    json.object().key("name").string(input.name).key("control").array();
    for (const SequenceControl& control : input.controls) write_control(json, control);
    json.end_array().end_object();
  }
  json.end_array().key("state").array();
  for (const SequenceState& state : batching.states) write_state(json, state);
  json.end_array().key("iterative_sequence").boolean(batching.iterative).end_object();
}

void write_ensemble(JsonWriter& json, const ModelConfig& config) {
  json.key("ensemble_scheduling").object().key("step").array();
  for (const EnsembleStep& step : *config.ensemble) {
    json.object().key("model_name").string(step.model);
    json.key("model_version").integer(step.version);
    write_strings(json, "input_map", step.input_map);
    write_strings(json, "output_map", step.output_map);
    json.key("model_namespace").string(step.model_namespace).end_object();
  }
  json.end_array();
  count(json, "max_inflight_requests", config.ensemble_inflight_requests_max).end_object();
}

void write_instance_groups(JsonWriter& json, const ModelConfig& config) {
  json.key("instance_group").array();
  for (const InstanceGroup& group : config.instance_groups) {
    json.object().key("name").string(group.name);
    json.key("kind").string(kInstanceKinds[index_of(group.kind)]);
    count(json, "count", group.count).key("gpus").integers(group.gpus);
    write_accepted(json, kInstanceSettings, group.accepted);
    json.end_object();
  }
  json.end_array();
}

void write_warmup(JsonWriter& json, const ModelConfig& config) {
  json.key("model_warmup").array();
  for (const ModelWarmup& warmup : config.warmup) {
    json.object().key("name").string(warmup.name);
    count(json, "batch_size", warmup.batch_size).key("inputs").object();
    for (const auto& [name, input] : warmup.inputs) {
      json.key(name).object();
      write_type(json, input.dtype);
      json.key("dims").integers(input.dims);
      if (input.source == WarmupInput::Source::file) {
        json.key("input_data_file").string(input.data_file);
      } else {
        const bool zero = input.source == WarmupInput::Source::zero;
        json.key(zero ? "zero_data" : "random_data").boolean(true);
      }
      json.end_object();
    }
    json.end_object();
    count(json, "count", warmup.count).end_object();
  }
  json.end_array();
}

}  // namespace

std::string model_config_json(const ModelInfo& info) {
  const ModelConfig config = shown_config(info);
  JsonWriter json;
  json.object().key("name").string(config.name).key("platform").string(config.platform);
  json.key("backend").string(config.backend).key("runtime").string(config.runtime);
  if (config.version_policy) write_version_policy(json, *config.version_policy);
  json.key("max_batch_size").integer(config.max_batch_size.value_or(0));
  write_inputs(json, config);
  write_outputs(json, config);
  json.key("batch_input").array().end_array().key("batch_output").array().end_array();
  if (config.dynamic_batching) write_dynamic(json, *config.dynamic_batching);
  if (config.sequence_batching) write_sequence(json, *config.sequence_batching);
  if (config.ensemble) write_ensemble(json, config);
  write_instance_groups(json, config);
  json.key("default_model_filename").string(config.default_model_filename);
  write_strings(json, "cc_model_filenames", config.cc_model_filenames);
  write_strings(json, "metric_tags", config.metric_tags);
  json.key("parameters").object();
  for (const auto& [key, value] : config.parameters) {
    json.key(key).object().key("string_value").string(value).end_object();
  }
  json.end_object();
  write_warmup(json, config);
  json.key("model_transaction_policy").object();
  json.key("decoupled").boolean(config.decoupled).end_object();
  json.key("response_cache").object();
  json.key("enable").boolean(config.response_cache).end_object();
  write_accepted(json, kModelSettings, config.accepted);
  json.end_object();
  return json.take();
}

}  // namespace mlops
