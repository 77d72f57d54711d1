// Inputs, outputs, instance groups, versions, warm-up: what a configuration says about the model.

#include "model/accepted_settings.h"
#include "model/config_messages.h"

namespace mlops {
namespace {

constexpr std::array<std::string_view, 3> kFormats = {"FORMAT_NONE", "FORMAT_NHWC", "FORMAT_NCHW"};
constexpr std::array<std::string_view, 4> kInstanceKinds = {"KIND_AUTO", "KIND_GPU", "KIND_CPU",
                                                            "KIND_MODEL"};
constexpr std::array<std::string_view, 6> kBatchInputKinds = {
    "BATCH_ELEMENT_COUNT",
    "BATCH_ACCUMULATED_ELEMENT_COUNT",
    "BATCH_ACCUMULATED_ELEMENT_COUNT_WITH_ZERO",
    "BATCH_MAX_ELEMENT_COUNT_AS_SHAPE",
    "BATCH_ITEM_SHAPE",
    "BATCH_ITEM_SHAPE_FLATTEN"};
constexpr std::array<std::string_view, 1> kBatchOutputKinds = {"BATCH_SCATTER_WITH_INPUT_SHAPE"};

struct Reshape {
  std::vector<std::int64_t> shape;
};
struct Latest {
  std::uint32_t num_versions = 1;
};
struct Specific {
  std::vector<std::int64_t> versions;
};

Status read_reshape(ConfigReader& reader, const ConfigValue& value, TensorConfig& out) {
  constexpr std::array kMembers = {member<&Reshape::shape>("shape")};
  Reshape reshape;
  Status status = read_members(reader, value, kMembers, "reshape", reshape);
  out.reshape = std::move(reshape.shape);
  return status;
}

Status read_format(ConfigReader&, const ConfigValue& value, TensorConfig& out) {
  return read_enum(value, kFormats, out.format);
}

constexpr char kNonLinear[] = "is_non_linear_format_io";
constexpr char kSecondary[] = "secondary_devices";
constexpr char kProfile[] = "profile";
constexpr char kPassive[] = "passive";
constexpr char kHostPolicy[] = "host_policy";

// Its priority acts, its resources do not.
Status read_rate_limiter(ConfigReader& reader, const ConfigValue& value, InstanceGroup& out) {
  Status status = accept_setting(kInstanceSettings, "rate_limiter", value, out.accepted);
  if (!status.ok()) return status;
  for (const ConfigField& field : value.fields) {
    if (field.name == "resources") {
      note_unused(reader, field.name, field.value);
    } else if (Status s = read_value(reader, field.value, out.priority); !s.ok()) {
      return s;
    }
  }
  return {};
}

Status read_non_linear(ConfigReader& reader, const ConfigValue& value, TensorConfig& out) {
  note_unused(reader, kNonLinear, value);
  return read_value(reader, value, out.is_non_linear_format);
}

template <class T, const auto& Names>
Status read_kind(ConfigReader&, const ConfigValue& value, T& out) {
  std::size_t index = 0;
  Status status = read_enum_index(value, Names, index);
  if (status.ok()) out.kind = Names[index];
  return status;
}

Status read_versions(ConfigReader& reader, const ConfigValue& value, VersionPolicy& out) {
  constexpr std::array kMembers = {member<&Specific::versions>("versions")};
  Specific specific;
  out.choice = VersionPolicy::Choice::specific;
  Status status = read_members(reader, value, kMembers, "specific", specific);
  if (status.ok() && specific.versions.empty()) {
    return config_error(value, "specific names no version");
  }
  out.specific = std::move(specific.versions);
  return status;
}

}  // namespace

Status read_input(ConfigReader& reader, const ConfigValue& value, TensorConfig& out) {
  constexpr std::array kMembers = {
      member<&TensorConfig::name>("name"),
      member<&TensorConfig::dtype>("data_type"),
      ConfigMember<TensorConfig>{"format", read_format},
      member<&TensorConfig::dims>("dims"),
      ConfigMember<TensorConfig>{"reshape", read_reshape},
      member<&TensorConfig::is_shape_tensor>("is_shape_tensor"),
      member<&TensorConfig::allow_ragged_batch>("allow_ragged_batch"),
      member<&TensorConfig::optional>("optional"),
      ConfigMember<TensorConfig>{kNonLinear, read_non_linear},
  };
  return read_members(reader, value, kMembers, "input", out);
}

Status read_output(ConfigReader& reader, const ConfigValue& value, TensorConfig& out) {
  constexpr std::array kMembers = {
      member<&TensorConfig::name>("name"),
      member<&TensorConfig::dtype>("data_type"),
      member<&TensorConfig::dims>("dims"),
      ConfigMember<TensorConfig>{"reshape", read_reshape},
      member<&TensorConfig::label_filename>("label_filename"),
      member<&TensorConfig::is_shape_tensor>("is_shape_tensor"),
      ConfigMember<TensorConfig>{kNonLinear, read_non_linear},
  };
  return read_members(reader, value, kMembers, "output", out);
}

Status read_value(ConfigReader& reader, const ConfigValue& value, BatchInputConfig& out) {
  constexpr std::array kMembers = {
      ConfigMember<BatchInputConfig>{"kind", read_kind<BatchInputConfig, kBatchInputKinds>},
      member<&BatchInputConfig::target_names>("target_name"),
      member<&BatchInputConfig::dtype>("data_type"),
      member<&BatchInputConfig::source_inputs>("source_input"),
  };
  out.kind = kBatchInputKinds[0];
  return read_members(reader, value, kMembers, "batch_input", out);
}

Status read_value(ConfigReader& reader, const ConfigValue& value, BatchOutputConfig& out) {
  constexpr std::array kMembers = {
      ConfigMember<BatchOutputConfig>{"kind", read_kind<BatchOutputConfig, kBatchOutputKinds>},
      member<&BatchOutputConfig::target_names>("target_name"),
      member<&BatchOutputConfig::source_inputs>("source_input"),
  };
  out.kind = kBatchOutputKinds[0];
  return read_members(reader, value, kMembers, "batch_output", out);
}

Status read_value(ConfigReader& reader, const ConfigValue& value, InstanceGroup& out) {
  constexpr std::array kMembers = {
      member<&InstanceGroup::name>("name"),
      ConfigMember<InstanceGroup>{"kind",
                                  [](ConfigReader&, const ConfigValue& v, InstanceGroup& group) {
                                    return read_enum(v, kInstanceKinds, group.kind);
                                  }},
      member<&InstanceGroup::count>("count"),
      member<&InstanceGroup::gpus>("gpus"),
      ConfigMember<InstanceGroup>{"rate_limiter", read_rate_limiter},
      accepted_member<InstanceGroup, kInstanceSettings, kSecondary>(true),
      accepted_member<InstanceGroup, kInstanceSettings, kProfile>(true),
      accepted_member<InstanceGroup, kInstanceSettings, kPassive>(false),
      accepted_member<InstanceGroup, kInstanceSettings, kHostPolicy>(false),
  };
  return read_members(reader, value, kMembers, "instance_group", out);
}

Status read_value(ConfigReader& reader, const ConfigValue& value, VersionPolicy& out) {
  constexpr std::array kMembers = {
      ConfigMember<VersionPolicy>{
          "latest",
          [](ConfigReader& r, const ConfigValue& v, VersionPolicy& policy) {
            constexpr std::array kOfLatest = {member<&Latest::num_versions>("num_versions")};
            Latest latest;
            Status status = read_members(r, v, kOfLatest, "latest", latest);
            if (status.ok() && latest.num_versions == 0) {
              return config_error(v, "num_versions is 0: no version would serve");
            }
            policy.latest_count = latest.num_versions;
            return status;
          }},
      ConfigMember<VersionPolicy>{"all",
                                  [](ConfigReader&, const ConfigValue& v, VersionPolicy& policy) {
                                    policy.choice = VersionPolicy::Choice::all;
                                    std::vector<std::size_t> found;
                                    return match_members(v, {}, {}, "all", found);
                                  }},
      ConfigMember<VersionPolicy>{"specific", read_versions},
  };
  if (value.fields.size() > 1) {
    return config_error(value, "version_policy takes one of latest, all and specific");
  }
  return read_members(reader, value, kMembers, "version_policy", out);
}

namespace {

template <WarmupInput::Source Source>
Status read_warmup_source(ConfigReader& reader, const ConfigValue& value, WarmupInput& out) {
  bool wanted = false;
  Status status = read_value(reader, value, wanted);
  if (status.ok() && wanted) out.source = Source;
  return status;
}

}  // namespace

Status read_value(ConfigReader& reader, const ConfigValue& value, WarmupInput& out) {
  constexpr std::array kMembers = {
      member<&WarmupInput::dtype>("data_type"),
      member<&WarmupInput::dims>("dims"),
      ConfigMember<WarmupInput>{"zero_data", read_warmup_source<WarmupInput::Source::zero>},
      ConfigMember<WarmupInput>{"random_data", read_warmup_source<WarmupInput::Source::random>},
      ConfigMember<WarmupInput>{"input_data_file",
                                [](ConfigReader& r, const ConfigValue& v, WarmupInput& input) {
                                  input.source = WarmupInput::Source::file;
                                  return read_value(r, v, input.data_file);
                                }},
  };
  if (Status s = read_members(reader, value, kMembers, "a warm-up input", out); !s.ok()) return s;
  if (!out.dtype) return config_error(value, "a warm-up input has no data_type");
  return {};
}

Status read_value(ConfigReader& reader, const ConfigValue& value, ModelWarmup& out) {
  constexpr std::array kMembers = {
      member<&ModelWarmup::name>("name"),
      member<&ModelWarmup::batch_size>("batch_size"),
      member<&ModelWarmup::inputs>("inputs"),
      member<&ModelWarmup::count>("count"),
  };
  return read_members(reader, value, kMembers, "model_warmup", out);
}

}  // namespace mlops
