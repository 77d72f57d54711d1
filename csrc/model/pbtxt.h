#pragma once
// Reads protobuf's text format into a tree of names and values, without knowing any message. Takes
// comments, ',' and ';' between fields, strings in both quotes with escapes and concatenation,
// lists, and messages in {} or <>. Extensions and Any ("[name]") are refused: no model
// configuration has them. Pure; the work and the tree are bounded by `limits`.

#include <string_view>

#include "base/status.h"
#include "model/config_tree.h"

namespace mlops {

// Fails with invalid_argument, "line 3, column 7: ...".
Result<ConfigValue> parse_pbtxt(std::string_view text, const ConfigLimits& limits = {});

}  // namespace mlops
