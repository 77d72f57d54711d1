// How requests are put together: dynamic batching, sequences, ensembles.

#include "model/config_messages.h"

namespace mlops {
namespace {

constexpr std::array<std::string_view, 2> kTimeoutActions = {"REJECT", "DELAY"};
constexpr std::array<std::string_view, 4> kControlKinds = {
    "CONTROL_SEQUENCE_START", "CONTROL_SEQUENCE_READY", "CONTROL_SEQUENCE_END",
    "CONTROL_SEQUENCE_CORRID"};
constexpr char kNamespace[] = "model_namespace";

}  // namespace

Status read_value(ConfigReader& reader, const ConfigValue& value, QueuePolicy& out) {
  constexpr std::array kMembers = {
      ConfigMember<QueuePolicy>{"timeout_action",
                                [](ConfigReader&, const ConfigValue& v, QueuePolicy& policy) {
                                  return read_enum(v, kTimeoutActions, policy.timeout_action);
                                }},
      member<&QueuePolicy::default_timeout_us>("default_timeout_microseconds"),
      member<&QueuePolicy::allow_timeout_override>("allow_timeout_override"),
      member<&QueuePolicy::queue_requests_max>("max_queue_size"),
  };
  return read_members(reader, value, kMembers, "a queue policy", out);
}

Status read_value(ConfigReader& reader, const ConfigValue& value, DynamicBatching& out) {
  constexpr std::array kMembers = {
      member<&DynamicBatching::preferred_batch_sizes>("preferred_batch_size"),
      member<&DynamicBatching::queue_delay_us_max>("max_queue_delay_microseconds"),
      member<&DynamicBatching::preserve_ordering>("preserve_ordering"),
      member<&DynamicBatching::priority_levels>("priority_levels"),
      member<&DynamicBatching::default_priority_level>("default_priority_level"),
      member<&DynamicBatching::default_queue_policy>("default_queue_policy"),
      member<&DynamicBatching::priority_queue_policy>("priority_queue_policy"),
  };
  return read_members(reader, value, kMembers, "dynamic_batching", out);
}

Status read_value(ConfigReader& reader, const ConfigValue& value, SequenceControl& out) {
  constexpr std::array kMembers = {
      ConfigMember<SequenceControl>{"kind",
                                    [](ConfigReader&, const ConfigValue& v, SequenceControl& c) {
                                      return read_enum(v, kControlKinds, c.kind);
                                    }},
      member<&SequenceControl::int32_false_true>("int32_false_true"),
      member<&SequenceControl::fp32_false_true>("fp32_false_true"),
      member<&SequenceControl::bool_false_true>("bool_false_true"),
      member<&SequenceControl::dtype>("data_type"),
  };
  if (Status s = read_members(reader, value, kMembers, "control", out); !s.ok()) return s;
  const std::size_t sizes[] = {out.int32_false_true.size(), out.fp32_false_true.size(),
                               out.bool_false_true.size()};
  int given = 0;
  for (const std::size_t size : sizes) {
    if (size == 0) continue;
    ++given;
    if (size != 2) return config_error(value, "a control needs two values: for false and for true");
  }
  const bool is_id = out.kind == SequenceControl::Kind::correlation_id;
  if (given != (is_id ? 0 : 1)) {
    return config_error(value, is_id ? "CONTROL_SEQUENCE_CORRID takes a data_type, no values"
                                     : "a control needs one of int32_false_true, fp32_false_true "
                                       "and bool_false_true");
  }
  return {};
}

Status read_value(ConfigReader& reader, const ConfigValue& value, SequenceControlInput& out) {
  constexpr std::array kMembers = {
      member<&SequenceControlInput::name>("name"),
      member<&SequenceControlInput::controls>("control"),
  };
  return read_members(reader, value, kMembers, "control_input", out);
}

Status read_value(ConfigReader& reader, const ConfigValue& value, SequenceInitialState& out) {
  constexpr std::array kMembers = {
      member<&SequenceInitialState::name>("name"),
      member<&SequenceInitialState::dtype>("data_type"),
      member<&SequenceInitialState::dims>("dims"),
      member<&SequenceInitialState::zero>("zero_data"),
      member<&SequenceInitialState::data_file>("data_file"),
  };
  if (Status s = read_members(reader, value, kMembers, "initial_state", out); !s.ok()) return s;
  if (out.zero == out.data_file.empty()) return {};
  return config_error(value, "initial_state takes one of zero_data and data_file");
}

Status read_value(ConfigReader& reader, const ConfigValue& value, SequenceState& out) {
  constexpr std::array kMembers = {
      member<&SequenceState::input_name>("input_name"),
      member<&SequenceState::output_name>("output_name"),
      member<&SequenceState::dtype>("data_type"),
      member<&SequenceState::dims>("dims"),
      member<&SequenceState::initial>("initial_state"),
      member<&SequenceState::use_same_buffer>("use_same_buffer_for_input_output"),
      member<&SequenceState::use_growable_memory>("use_growable_memory"),
  };
  return read_members(reader, value, kMembers, "state", out);
}

namespace {

Status read_direct(ConfigReader& reader, const ConfigValue& value, SequenceBatching& out) {
  constexpr std::array kMembers = {
      member<&SequenceBatching::queue_delay_us_max>("max_queue_delay_microseconds"),
      member<&SequenceBatching::slot_utilization_min>("minimum_slot_utilization"),
  };
  out.strategy = SequenceBatching::Strategy::direct;
  return read_members(reader, value, kMembers, "direct", out);
}

Status read_oldest(ConfigReader& reader, const ConfigValue& value, SequenceBatching& out) {
  constexpr std::array kMembers = {
      member<&SequenceBatching::candidate_sequences_max>("max_candidate_sequences"),
      member<&SequenceBatching::preferred_batch_sizes>("preferred_batch_size"),
      member<&SequenceBatching::queue_delay_us_max>("max_queue_delay_microseconds"),
      member<&SequenceBatching::preserve_ordering>("preserve_ordering"),
  };
  out.strategy = SequenceBatching::Strategy::oldest;
  return read_members(reader, value, kMembers, "oldest", out);
}

}  // namespace

Status read_value(ConfigReader& reader, const ConfigValue& value, SequenceBatching& out) {
  constexpr std::array kMembers = {
      ConfigMember<SequenceBatching>{"direct", read_direct},
      ConfigMember<SequenceBatching>{"oldest", read_oldest},
      member<&SequenceBatching::idle_us_max>("max_sequence_idle_microseconds"),
      member<&SequenceBatching::control_inputs>("control_input"),
      member<&SequenceBatching::states>("state"),
      member<&SequenceBatching::iterative>("iterative_sequence"),
  };
  if (Status s = read_members(reader, value, kMembers, "sequence_batching", out); !s.ok()) return s;
  int strategies = 0;
  for (const ConfigField& field : value.fields) {
    strategies += field.name == "direct" || field.name == "oldest" ? 1 : 0;
  }
  if (strategies > 1)
    return config_error(value, "sequence_batching takes one of direct and oldest");
  if (out.idle_us_max == 0) out.idle_us_max = SequenceBatching().idle_us_max;
  return {};
}

Status read_value(ConfigReader& reader, const ConfigValue& value, EnsembleStep& out) {
  constexpr std::array kMembers = {
      member<&EnsembleStep::model>("model_name"),
      member<&EnsembleStep::version>("model_version"),
      member<&EnsembleStep::input_map>("input_map"),
      member<&EnsembleStep::output_map>("output_map"),
      ConfigMember<EnsembleStep>{kNamespace,
                                 [](ConfigReader& r, const ConfigValue& v, EnsembleStep& step) {
                                   note_unused(r, kNamespace, v);
                                   return read_value(r, v, step.model_namespace);
                                 }},
  };
  if (Status s = read_members(reader, value, kMembers, "step", out); !s.ok()) return s;
  if (out.model.empty()) return config_error(value, "a step has no model_name");
  // Protobuf's absent integer is 0, which is no version.
  if (out.version == 0) out.version = -1;
  return {};
}

}  // namespace mlops
