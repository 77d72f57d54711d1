#include "protocol/model_config.h"

#include "engine/complete_config.h"
#include "protocol/accepted_echo.h"

namespace mlops {
namespace {

inference::DataType data_type(std::optional<DType> dtype) {
  inference::DataType type = inference::TYPE_INVALID;
  if (dtype) inference::DataType_Parse(std::string(config_type_name(*dtype)), &type);
  return type;
}

template <class Repeated, class Values>
void fill_all(Repeated* repeated, const Values& values) {
  for (const auto value : values) {
    repeated->Add(static_cast<typename Repeated::value_type>(value));
  }
}

template <class Map>
void fill_strings(Map* map, const ConfigStrings& strings) {
  for (const auto& [key, value] : strings) (*map)[key] = value;
}

template <class Tensor>
void fill_tensor(Tensor& tensor, const TensorConfig& config) {
  tensor.set_name(config.name);
  tensor.set_data_type(data_type(config.dtype));
  fill_all(tensor.mutable_dims(), config.dims);
  if (config.reshape) fill_all(tensor.mutable_reshape()->mutable_shape(), *config.reshape);
  tensor.set_is_shape_tensor(config.is_shape_tensor);
  tensor.set_is_non_linear_format_io(config.is_non_linear_format);
}

void fill(inference::ModelInput& input, const TensorConfig& config) {
  fill_tensor(input, config);
  input.set_format(static_cast<inference::ModelInput::Format>(config.format));
  input.set_allow_ragged_batch(config.allow_ragged_batch);
  input.set_optional(config.optional);
}

void fill(inference::ModelOutput& output, const TensorConfig& config) {
  fill_tensor(output, config);
  output.set_label_filename(config.label_filename);
}

void fill(inference::ModelVersionPolicy& policy, const VersionPolicy& from) {
  switch (from.choice) {
    case VersionPolicy::Choice::latest:
      policy.mutable_latest()->set_num_versions(from.latest_count);
      return;
    case VersionPolicy::Choice::all:
      policy.mutable_all();
      return;
    case VersionPolicy::Choice::specific:
      fill_all(policy.mutable_specific()->mutable_versions(), from.specific);
  }
}

void fill(inference::ModelInstanceGroup& group, const InstanceGroup& from) {
  group.set_name(from.name);
  group.set_kind(static_cast<inference::ModelInstanceGroup::Kind>(from.kind));
  group.set_count(static_cast<std::int32_t>(from.count));
  fill_all(group.mutable_gpus(), from.gpus);
  // Fields that this message does not list: they are sent as they are.
  group.MergeFromString(accepted_wire(kInstanceSettings, from.accepted));
}

void fill(inference::ModelQueuePolicy& policy, const QueuePolicy& from) {
  policy.set_timeout_action(
      static_cast<inference::ModelQueuePolicy::TimeoutAction>(from.timeout_action));
  policy.set_default_timeout_microseconds(from.default_timeout_us);
  policy.set_allow_timeout_override(from.allow_timeout_override);
  policy.set_max_queue_size(from.queue_requests_max);
}

void fill(inference::ModelDynamicBatching& batching, const DynamicBatching& from) {
  fill_all(batching.mutable_preferred_batch_size(), from.preferred_batch_sizes);
  batching.set_max_queue_delay_microseconds(from.queue_delay_us_max);
  batching.set_preserve_ordering(from.preserve_ordering);
  batching.set_priority_levels(from.priority_levels);
  batching.set_default_priority_level(from.default_priority_level);
  if (shows_default_policy(from)) {
    fill(*batching.mutable_default_queue_policy(), from.default_queue_policy);
  }
  for (const auto& [level, policy] : from.priority_queue_policy) {
    fill((*batching.mutable_priority_queue_policy())[level], policy);
  }
}

void fill(inference::ModelSequenceBatching::State& state, const SequenceState& from) {
  state.set_input_name(from.input_name);
  state.set_output_name(from.output_name);
  state.set_data_type(data_type(from.dtype));
  fill_all(state.mutable_dims(), from.dims);
  state.set_use_same_buffer_for_input_output(from.use_same_buffer);
  state.set_use_growable_memory(from.use_growable_memory);
  for (const SequenceInitialState& initial : from.initial) {
    auto& made = *state.add_initial_state();
    made.set_name(initial.name);
    made.set_data_type(data_type(initial.dtype));
    fill_all(made.mutable_dims(), initial.dims);
    if (initial.zero) {
      made.set_zero_data(true);
    } else {
      made.set_data_file(initial.data_file);
    }
  }
}

void fill(inference::ModelSequenceBatching::Control& control, const SequenceControl& from) {
  control.set_kind(static_cast<inference::ModelSequenceBatching::Control::Kind>(from.kind));
  fill_all(control.mutable_int32_false_true(), from.int32_false_true);
  fill_all(control.mutable_fp32_false_true(), from.fp32_false_true);
  fill_all(control.mutable_bool_false_true(), from.bool_false_true);
  control.set_data_type(data_type(from.dtype));
}

void fill(inference::ModelSequenceBatching& batching, const SequenceBatching& from) {
  batching.set_max_sequence_idle_microseconds(from.idle_us_max);
  batching.set_iterative_sequence(from.iterative);
  if (from.strategy == SequenceBatching::Strategy::direct) {
    auto& direct = *batching.mutable_direct();
    direct.set_max_queue_delay_microseconds(from.queue_delay_us_max);
    direct.set_minimum_slot_utilization(from.slot_utilization_min);
  } else {
    auto& oldest = *batching.mutable_oldest();
    oldest.set_max_candidate_sequences(from.candidate_sequences_max);
    fill_all(oldest.mutable_preferred_batch_size(), from.preferred_batch_sizes);
    oldest.set_max_queue_delay_microseconds(from.queue_delay_us_max);
    oldest.set_preserve_ordering(from.preserve_ordering);
  }
  for (const SequenceControlInput& input : from.control_inputs) {
    auto& made = *batching.add_control_input();
    made.set_name(input.name);
    for (const SequenceControl& control : input.controls) fill(*made.add_control(), control);
  }
  for (const SequenceState& state : from.states) fill(*batching.add_state(), state);
}

void fill(inference::ModelEnsembling& ensembling, const std::vector<EnsembleStep>& steps) {
  for (const EnsembleStep& from : steps) {
    auto& step = *ensembling.add_step();
    step.set_model_name(from.model);
    step.set_model_version(from.version);
    fill_strings(step.mutable_input_map(), from.input_map);
    fill_strings(step.mutable_output_map(), from.output_map);
    step.set_model_namespace(from.model_namespace);
  }
}

void fill(inference::ModelWarmup& warmup, const ModelWarmup& from) {
  warmup.set_name(from.name);
  warmup.set_batch_size(from.batch_size);
  warmup.set_count(from.count);
  for (const auto& [name, input] : from.inputs) {
    auto& made = (*warmup.mutable_inputs())[name];
    made.set_data_type(data_type(input.dtype));
    fill_all(made.mutable_dims(), input.dims);
    switch (input.source) {
      case WarmupInput::Source::zero:
        made.set_zero_data(true);
        break;
      case WarmupInput::Source::random:
        made.set_random_data(true);
        break;
      case WarmupInput::Source::file:
        made.set_input_data_file(input.data_file);
    }
  }
}

}  // namespace

bool shows_default_policy(const DynamicBatching& batching) {
  return batching.priority_levels > 0 || batching.default_queue_policy != QueuePolicy();
}

ModelConfig shown_config(const ModelInfo& info) {
  return info.config ? *info.config : complete_config(nullptr, info);
}

inference::ModelConfig make_model_config(const ModelInfo& info) {
  const ModelConfig from = shown_config(info);
  inference::ModelConfig config;
  config.set_name(from.name);
  config.set_platform(from.platform);
  config.set_backend(from.backend);
  config.set_runtime(from.runtime);
  if (from.version_policy) fill(*config.mutable_version_policy(), *from.version_policy);
  config.set_max_batch_size(static_cast<std::int32_t>(from.max_batch_size.value_or(0)));
  for (const TensorConfig& input : from.inputs) fill(*config.add_input(), input);
  for (const TensorConfig& output : from.outputs) fill(*config.add_output(), output);
  for (const InstanceGroup& group : from.instance_groups) fill(*config.add_instance_group(), group);
  if (from.dynamic_batching) fill(*config.mutable_dynamic_batching(), *from.dynamic_batching);
  if (from.sequence_batching) fill(*config.mutable_sequence_batching(), *from.sequence_batching);
  if (from.ensemble) {
    fill(*config.mutable_ensemble_scheduling(), *from.ensemble);
    config.mutable_ensemble_scheduling()->set_max_inflight_requests(
        from.ensemble_inflight_requests_max);
  }
  config.set_default_model_filename(from.default_model_filename);
  fill_strings(config.mutable_cc_model_filenames(), from.cc_model_filenames);
  fill_strings(config.mutable_metric_tags(), from.metric_tags);
  for (const auto& [key, value] : from.parameters) {
    (*config.mutable_parameters())[key].set_string_value(value);
  }
  for (const ModelWarmup& warmup : from.warmup) fill(*config.add_model_warmup(), warmup);
  config.mutable_model_transaction_policy()->set_decoupled(from.decoupled);
  config.mutable_response_cache()->set_enable(from.response_cache);
  config.MergeFromString(accepted_wire(kModelSettings, from.accepted));
  return config;
}

}  // namespace mlops
