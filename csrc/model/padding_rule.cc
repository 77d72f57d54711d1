#include "model/padding_rule.h"

#include <algorithm>

namespace mlops {
namespace {

constexpr const char* kParameter = "padding_mask";
constexpr const char* kUsualName = "attention_mask";

PaddingRule not_declared(std::string why) { return {false, 0, std::move(why)}; }

// [N, length], of numbers.
bool is_row_of_open_length(const TensorSpec& spec) {
  return spec.rank_known && spec.dims.size() == 2 && spec.dims[0] == kAnySize &&
         spec.dims[1] == kAnySize && spec.dtype != DType::bytes;
}

// The length must not show in an answer: whoever asked would get more than is his.
bool is_free_of_length(const TensorSpec& spec) {
  return spec.rank_known && !spec.dims.empty() &&
         std::none_of(spec.dims.begin() + 1, spec.dims.end(),
                      [](std::int64_t size) { return size == kAnySize; });
}

}  // namespace

Result<PaddingRule> padding_rule(const Signature& signature, const ConfigStrings& parameters) {
  const auto named = parameters.find(kParameter);
  const std::string name = named == parameters.end() ? kUsualName : named->second;
  if (name == "none") return not_declared("the configuration says that there is no mask");
  const auto mask = signature.input_index(name);
  if (!mask) {
    if (named == parameters.end()) return not_declared("no input is called attention_mask");
    return Status::invalid_argument("parameter 'padding_mask' is '" + name.substr(0, 64) +
                                    "', which is no input of the model");
  }
  for (const TensorSpec& input : signature.inputs) {
    if (is_row_of_open_length(input)) continue;
    return not_declared("input '" + input.name + "' is not a row of numbers of open length");
  }
  for (const TensorSpec& output : signature.outputs) {
    if (is_free_of_length(output)) continue;
    return not_declared("output '" + output.name + "' may depend on the length");
  }
  return PaddingRule{true, *mask, "input '" + name + "' masks what counts"};
}

}  // namespace mlops
