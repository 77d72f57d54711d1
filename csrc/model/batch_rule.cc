#include "model/batch_rule.h"

namespace mlops {
namespace {

BatchRule not_batchable(const char* kind, const TensorSpec& spec, const char* why) {
  return {false, std::string(kind) + " '" + spec.name + "' " + why};
}

// The batch symbol on another axis (an [N, N] matrix) means rows cannot be appended freely.
bool repeats_symbol(const TensorSpec& spec, const std::string& symbol) {
  for (std::size_t axis = 1; axis < spec.symbols.size(); ++axis) {
    if (!symbol.empty() && spec.symbols[axis] == symbol) return true;
  }
  return false;
}

}  // namespace

BatchRule infer_batch_rule(const Signature& signature) {
  if (signature.inputs.empty()) return {false, "the model has no inputs"};
  std::string symbol;
  for (const TensorSpec& input : signature.inputs) {
    if (!input.rank_known) return not_batchable("input", input, "declares no shape");
    if (input.dims.empty()) return not_batchable("input", input, "is a scalar");
    if (input.dims[0] != kAnySize) return not_batchable("input", input, "has a fixed first axis");
    if (symbol.empty()) symbol = input.symbols[0];
    if (!input.symbols[0].empty() && input.symbols[0] != symbol) {
      return not_batchable("input", input, "names its first axis differently from the others");
    }
  }
  for (const TensorSpec& input : signature.inputs) {
    if (repeats_symbol(input, symbol)) {
      return not_batchable("input", input, "uses the batch size on another axis too");
    }
  }
  for (const TensorSpec& output : signature.outputs) {
    if (!output.rank_known) continue;  // the probe will see
    if (output.dims.empty()) return not_batchable("output", output, "is a scalar");
    if (output.dims[0] != kAnySize)
      return not_batchable("output", output, "has a fixed first axis");
    if (repeats_symbol(output, symbol)) {
      return not_batchable("output", output, "uses the batch size on another axis too");
    }
  }
  return {true, "the first axis of every input and output is open"};
}

}  // namespace mlops
