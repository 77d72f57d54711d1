// The two JSON needs of a load generator: quoting a string, and reading the numbers of the "data"
// arrays of a reply.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mlops::loadgen {

void append_json_string(std::string& out, std::string_view text);

// All numbers of all top-level "data" arrays of a KServe v2 reply, in order, as FP32. Nothing when
// one is malformed. Nested arrays are flattened. Not a JSON parser: it trusts the reply to be
// KServe's, and the caller compares values.
std::optional<std::vector<float>> json_output_values(std::string_view body);

}  // namespace mlops::loadgen
