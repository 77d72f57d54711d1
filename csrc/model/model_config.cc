#include "model/model_config.h"

#include "model/accepted_settings.h"
#include "model/config_messages.h"

namespace mlops {
namespace {

struct Parameter {
  std::string string_value;
};
struct Ensembling {
  std::vector<EnsembleStep> steps;
  std::uint32_t inflight_requests_max = 0;
};
struct Switch {
  bool on = false;
};

Status read_value(ConfigReader& reader, const ConfigValue& value, Parameter& out) {
  constexpr std::array kMembers = {mlops::member<&Parameter::string_value>("string_value")};
  return read_members(reader, value, kMembers, "a parameter", out);
}

Status read_parameter(ConfigReader& reader, const ConfigValue& value, ModelConfig& out) {
  std::map<std::string, Parameter> one;
  if (Status s = mlops::read_value(reader, value, one); !s.ok()) return s;
  auto& [key, parameter] = *one.begin();
  if (out.parameters.emplace(key, std::move(parameter.string_value)).second) return {};
  return config_error(value, "parameter '" + key + "' is given twice");
}

constexpr char kMaxInflight[] = "max_inflight_requests";

Status read_ensemble(ConfigReader& reader, const ConfigValue& value, ModelConfig& out) {
  constexpr std::array kMembers = {
      member<&Ensembling::steps>("step"),
      ConfigMember<Ensembling>{kMaxInflight,
                               [](ConfigReader& r, const ConfigValue& v, Ensembling& ensembling) {
                                 note_unused(r, kMaxInflight, v);
                                 return mlops::read_value(r, v, ensembling.inflight_requests_max);
                               }},
  };
  Ensembling ensembling;
  Status status = read_members(reader, value, kMembers, "ensemble_scheduling", ensembling);
  out.ensemble = std::move(ensembling.steps);
  out.ensemble_inflight_requests_max = ensembling.inflight_requests_max;
  return status;
}

template <auto Field>
Status read_tensor(ConfigReader& reader, const ConfigValue& value, ModelConfig& out) {
  TensorConfig tensor;
  constexpr bool kIsInput = Field == &ModelConfig::inputs;
  Status status = kIsInput ? read_input(reader, value, tensor) : read_output(reader, value, tensor);
  if (status.ok()) (out.*Field).push_back(std::move(tensor));
  return status;
}

Status read_decoupled(ConfigReader& reader, const ConfigValue& value, ModelConfig& out) {
  constexpr std::array kMembers = {member<&Switch::on>("decoupled")};
  Switch decoupled;
  Status status = read_members(reader, value, kMembers, "model_transaction_policy", decoupled);
  out.decoupled = decoupled.on;
  return status;
}

Status read_response_cache(ConfigReader& reader, const ConfigValue& value, ModelConfig& out) {
  constexpr std::array kMembers = {member<&Switch::on>("enable")};
  Switch cache;
  Status status = read_members(reader, value, kMembers, "response_cache", cache);
  out.response_cache = cache.on;
  return status;
}

constexpr char kOptimization[] = "optimization";
constexpr char kOperations[] = "model_operations";
constexpr char kAgents[] = "model_repository_agents";
constexpr char kMetrics[] = "model_metrics";

constexpr std::array kModelMembers = {
    member<&ModelConfig::name>("name"),
    member<&ModelConfig::platform>("platform"),
    member<&ModelConfig::backend>("backend"),
    member<&ModelConfig::runtime>("runtime"),
    member<&ModelConfig::max_batch_size>("max_batch_size"),
    member<&ModelConfig::version_policy>("version_policy"),
    ConfigMember<ModelConfig>{"input", read_tensor<&ModelConfig::inputs>, true},
    ConfigMember<ModelConfig>{"output", read_tensor<&ModelConfig::outputs>, true},
    member<&ModelConfig::batch_inputs>("batch_input"),
    member<&ModelConfig::batch_outputs>("batch_output"),
    member<&ModelConfig::instance_groups>("instance_group"),
    member<&ModelConfig::dynamic_batching>("dynamic_batching"),
    member<&ModelConfig::sequence_batching>("sequence_batching"),
    ConfigMember<ModelConfig>{"ensemble_scheduling", read_ensemble},
    member<&ModelConfig::default_model_filename>("default_model_filename"),
    member<&ModelConfig::cc_model_filenames>("cc_model_filenames"),
    member<&ModelConfig::metric_tags>("metric_tags"),
    ConfigMember<ModelConfig>{"parameters", read_parameter, true},
    member<&ModelConfig::warmup>("model_warmup"),
    ConfigMember<ModelConfig>{"model_transaction_policy", read_decoupled},
    ConfigMember<ModelConfig>{"response_cache", read_response_cache},
    accepted_member<ModelConfig, kModelSettings, kOptimization>(),
    accepted_member<ModelConfig, kModelSettings, kOperations>(),
    accepted_member<ModelConfig, kModelSettings, kAgents>(),
    accepted_member<ModelConfig, kModelSettings, kMetrics>(),
};

}  // namespace

Result<ReadModelConfig> read_model_config(const ConfigValue& tree) {
  ConfigReader reader;
  ReadModelConfig result;
  Status status = read_members(reader, tree, kModelMembers, "a model configuration", result.config);
  if (!status.ok()) return status;
  if (Status s = check_model_config(result.config); !s.ok()) return s;
  result.unused = std::move(reader.unused);
  return result;
}

}  // namespace mlops
