#pragma once
// A model configuration as JSON, read into the same tree as its protobuf text form, so that
// read_model_config() of csrc/model judges both.

#include <string_view>

#include "base/status.h"
#include "model/config_tree.h"

namespace mlops {

// Takes protobuf's JSON mapping: names in snake_case or lowerCamelCase, objects for maps, strings
// or numbers for 64-bit integers; null is absence. Fails with invalid_argument and the place.
Result<ConfigValue> parse_config_json(std::string_view text, const ConfigLimits& limits = {});

}  // namespace mlops
