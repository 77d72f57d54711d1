#pragma once
// A TOML file as a list of settings, before anybody knows what its keys mean. Pure.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace mlops {

struct FileSetting {
  std::string key;
  std::string value;  // a number or truth as TOML writes it
  std::uint32_t line = 0;
};

// An array is its elements, one setting each, in order. Tables only group: [limits] connections-max
// is connections-max. Dates and arrays of tables are refused.
Result<std::vector<FileSetting>> parse_config_file(std::string_view text);

}  // namespace mlops
