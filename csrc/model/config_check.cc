// What must hold between the members of a configuration.

#include <algorithm>
#include <set>

#include "model/config_messages.h"
#include "tensor/shape.h"

namespace mlops {
namespace {

constexpr std::int64_t kBatchRowsMax = 1 << 20;
constexpr std::uint32_t kInstancesMax = 1024;

Status wrong(const std::string& what) { return Status::invalid_argument(what); }

Status check_dims(const std::string& of, const std::vector<std::int64_t>& dims) {
  if (dims.size() > kMaxRank) {
    return wrong(of + " has more than " + std::to_string(kMaxRank) + " dimensions");
  }
  for (const std::int64_t dim : dims) {
    if (dim != -1 && dim < 1) {
      return wrong(of + " has dimension " + std::to_string(dim) +
                   ": dimensions are at least 1, or -1 where the size varies");
    }
  }
  return {};
}

// A file inside the model's own folder.
Status check_file_name(const std::string& what, const std::string& name) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 127; };
  const bool inside = !name.starts_with('/') && name.size() <= 1024 &&
                      ("/" + name + "/").find("/../") == name.npos &&
                      std::ranges::none_of(name, is_control);
  if (inside) return {};
  return wrong(what + " '" + name.substr(0, 256) + "' is not a name inside the model's folder");
}

Status check_tensors(const char* kind, const std::vector<TensorConfig>& tensors) {
  std::set<std::string_view> names;
  for (const TensorConfig& tensor : tensors) {
    const std::string of = std::string(kind) + " '" + tensor.name + "'";
    if (tensor.name.empty()) return wrong(std::string("an ") + kind + " has no name");
    if (!names.insert(tensor.name).second) return wrong(of + " is given twice");
    if (Status s = check_dims(of, tensor.dims); !s.ok()) return s;
    if (tensor.reshape) {
      if (Status s = check_dims(of + ": reshape", *tensor.reshape); !s.ok()) return s;
    }
    if (Status s = check_file_name(of + ": label_filename", tensor.label_filename); !s.ok()) {
      return s;
    }
  }
  return {};
}

Status check_preferred(const std::vector<std::int64_t>& sizes, std::optional<std::int64_t> most) {
  for (const std::int64_t size : sizes) {
    if (size < 1) return wrong("preferred_batch_size must be positive");
    if (most && size > *most) {
      return wrong("preferred_batch_size " + std::to_string(size) + " is above max_batch_size " +
                   std::to_string(*most));
    }
  }
  return {};
}

Status check_dynamic(const DynamicBatching& batching, std::optional<std::int64_t> batch_size_max) {
  if (Status s = check_preferred(batching.preferred_batch_sizes, batch_size_max); !s.ok()) return s;
  const std::uint64_t levels = batching.priority_levels;
  if (levels > 0 &&
      (batching.default_priority_level < 1 || batching.default_priority_level > levels)) {
    return wrong("default_priority_level must be from 1 to priority_levels, which is " +
                 std::to_string(levels));
  }
  if (levels == 0 && batching.default_priority_level > 0) {
    return wrong("default_priority_level is given without priority_levels");
  }
  // As in Triton: both make later requests overtake earlier ones.
  const auto delays = [](const QueuePolicy& policy) {
    return policy.timeout_action == QueuePolicy::TimeoutAction::delay;
  };
  bool reorders = levels > 1 || delays(batching.default_queue_policy);
  for (const auto& [level, policy] : batching.priority_queue_policy) {
    reorders = reorders || delays(policy);
  }
  if (batching.preserve_ordering && reorders) {
    return wrong(
        "preserve_ordering excludes more than one priority level and timeout_action DELAY");
  }
  for (const auto& [level, policy] : batching.priority_queue_policy) {
    if (level < 1 || level > levels) {
      return wrong("priority_queue_policy is given for level " + std::to_string(level) +
                   "; levels are from 1 to priority_levels, which is " + std::to_string(levels));
    }
  }
  return {};
}

Status check_sequence(const SequenceBatching& batching,
                      std::optional<std::int64_t> batch_size_max) {
  std::set<SequenceControl::Kind> kinds;
  for (const SequenceControlInput& input : batching.control_inputs) {
    if (input.name.empty()) return wrong("a control_input has no name");
    if (input.controls.empty()) return wrong("control_input '" + input.name + "' has no control");
    for (const SequenceControl& control : input.controls) {
      if (!kinds.insert(control.kind).second) {
        return wrong("control_input '" + input.name + "' has a control kind that is there already");
      }
    }
  }
  for (const SequenceState& state : batching.states) {
    if (state.input_name.empty() || state.output_name.empty()) {
      return wrong("a sequence state needs input_name and output_name");
    }
    const std::string of = "sequence state '" + state.input_name + "'";
    if (!state.dtype) return wrong(of + " has no data_type");
    if (Status s = check_dims(of, state.dims); !s.ok()) return s;
    for (const SequenceInitialState& initial : state.initial) {
      if (Status s = check_file_name(of + ": data_file", initial.data_file); !s.ok()) return s;
    }
  }
  if (batching.candidate_sequences_max < 0) return wrong("max_candidate_sequences is negative");
  return check_preferred(batching.preferred_batch_sizes, batch_size_max);
}

Status check_scheduling(const ModelConfig& config) {
  const int choices = (config.dynamic_batching ? 1 : 0) + (config.sequence_batching ? 1 : 0) +
                      (config.ensemble ? 1 : 0);
  if (choices > 1) {
    return wrong("only one of dynamic_batching, sequence_batching and ensemble_scheduling");
  }
  if (config.platform == "ensemble" && !config.ensemble) {
    return wrong("platform is 'ensemble' and ensemble_scheduling is missing");
  }
  if (config.ensemble) {
    if (config.ensemble->empty()) return wrong("ensemble_scheduling has no step");
    if (!config.platform.empty() && config.platform != "ensemble") {
      return wrong("ensemble_scheduling is given for platform '" + config.platform + "'");
    }
    if (!config.instance_groups.empty()) return wrong("an ensemble has no instance_group");
  }
  if (config.dynamic_batching) {
    return check_dynamic(*config.dynamic_batching, config.max_batch_size);
  }
  if (config.sequence_batching) {
    // Without a batch axis sequences run one by one: any size will do.
    const bool batches = config.max_batch_size.value_or(0) > 0;
    return check_sequence(*config.sequence_batching,
                          batches ? config.max_batch_size : std::nullopt);
  }
  return {};
}

Status check_warmup(const ModelConfig& config) {
  for (const ModelWarmup& warmup : config.warmup) {
    for (const auto& [name, input] : warmup.inputs) {
      const std::string of = "model_warmup '" + warmup.name + "', input '" + name + "'";
      if (Status s = check_dims(of, input.dims); !s.ok()) return s;
      if (std::ranges::count(input.dims, -1) > 0) return wrong(of + " has a dimension of -1");
      if (Status s = check_file_name(of + ": input_data_file", input.data_file); !s.ok()) return s;
    }
    if (config.max_batch_size && warmup.batch_size > *config.max_batch_size) {
      return wrong("model_warmup '" + warmup.name + "' has a batch_size above max_batch_size");
    }
  }
  return {};
}

}  // namespace

Status check_model_config(const ModelConfig& config) {
  if (config.max_batch_size.value_or(0) < 0) return wrong("max_batch_size is negative");
  if (config.max_batch_size.value_or(0) > kBatchRowsMax) {
    return wrong("max_batch_size is above " + std::to_string(kBatchRowsMax));
  }
  if (Status s = check_tensors("input", config.inputs); !s.ok()) return s;
  if (Status s = check_tensors("output", config.outputs); !s.ok()) return s;
  if (Status s = check_file_name("default_model_filename", config.default_model_filename);
      !s.ok()) {
    return s;
  }
  std::uint64_t instances = 0;
  for (const InstanceGroup& group : config.instance_groups) instances += group.count;
  if (instances > kInstancesMax) {
    return wrong("instance_group asks for more than " + std::to_string(kInstancesMax) +
                 " instances");
  }
  if (Status s = check_scheduling(config); !s.ok()) return s;
  return check_warmup(config);
}

}  // namespace mlops
