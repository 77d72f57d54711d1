// Flags of what executes a model, unless its configuration says otherwise.

#include "config.h"
#include "config_flag.h"

namespace mlops {
namespace {

constexpr Flag kExecutionFlags[] = {
    {"--execution", "NAME",
     "auto, standard, onnxruntime, openvino or trees (default auto: what a trial finds to be the "
     "fastest)",
     [](ServerConfig& c, std::string_view v) { return parse_execution(v, c.execution); }},
    {"--precision", "NAME",
     "exact, or auto: answers may differ by --accuracy-gate, and BF16 is tried (default exact)",
     [](ServerConfig& c, std::string_view v) { return parse_precision(v, c.execution); }},
    {"--accuracy-gate", "SHARE",
     "with --precision auto, of the largest value of an output (default 0.02)",
     [](ServerConfig& c, std::string_view v) { return parse_accuracy_gate(v, c.execution); }},
    {"--execution-trial", "WHEN",
     "serving: a model is ready at once, and what is faster takes over when it is found; loading: "
     "it is found first (default serving)",
     [](ServerConfig& c, std::string_view v) { return parse_execution_trial(v, c.execution); }},
};

}  // namespace

std::span<const Flag> execution_flags() { return kExecutionFlags; }

std::vector<std::pair<std::string, std::string>> describe(const ExecutionWish& wish) {
  std::string gate = std::to_string(wish.accuracy_gate);
  gate.erase(gate.find_last_not_of('0') + 1);
  return {{"execution", std::string(name_of(wish.execution))},
          {"precision", std::string(name_of(wish.precision))},
          {"accuracy-gate", gate},
          {"execution-trial", std::string(name_of(wish.trial))}};
}

}  // namespace mlops
