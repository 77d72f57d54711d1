#pragma once
// The tables of the larger messages of a model configuration. Part of model_config.h.

#include "model/config_reader.h"
#include "model/model_config.h"

namespace mlops {

Status read_input(ConfigReader& reader, const ConfigValue& value, TensorConfig& out);
Status read_output(ConfigReader& reader, const ConfigValue& value, TensorConfig& out);
Status read_value(ConfigReader& reader, const ConfigValue& value, BatchInputConfig& out);
Status read_value(ConfigReader& reader, const ConfigValue& value, BatchOutputConfig& out);
Status read_value(ConfigReader& reader, const ConfigValue& value, InstanceGroup& out);
Status read_value(ConfigReader& reader, const ConfigValue& value, VersionPolicy& out);
Status read_value(ConfigReader& reader, const ConfigValue& value, DynamicBatching& out);
Status read_value(ConfigReader& reader, const ConfigValue& value, SequenceBatching& out);
Status read_value(ConfigReader& reader, const ConfigValue& value, EnsembleStep& out);
Status read_value(ConfigReader& reader, const ConfigValue& value, ModelWarmup& out);

// What must hold between members, for which no single value is to blame.
Status check_model_config(const ModelConfig& config);

}  // namespace mlops
