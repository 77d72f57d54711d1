#include "engine/execution_wish.h"

#include <charconv>
#include <string>
#include <utility>

namespace mlops {

namespace {

constexpr std::pair<std::string_view, Execution> kExecutions[] = {
    {"standard", Execution::standard},
    {"auto", Execution::automatic},
    {"onnxruntime", Execution::onnxruntime},
    {"openvino", Execution::openvino},
    {"trees", Execution::trees},
};

}  // namespace

std::string_view name_of(Execution execution) {
  return kExecutions[static_cast<std::size_t>(execution)].first;
}

std::string_view name_of(Precision precision) {
  return precision == Precision::automatic ? "auto" : "exact";
}

std::string_view name_of(TrialTime trial) {
  return trial == TrialTime::loading ? "loading" : "serving";
}

Status parse_execution(std::string_view text, ExecutionWish& wish) {
  for (const auto& [name, execution] : kExecutions) {
    if (name != text) continue;
    wish.execution = execution;
    return {};
  }
  return Status::invalid_argument("execution is '" + std::string(text.substr(0, 64)) +
                                  "'; it can be standard, auto, onnxruntime, openvino or trees");
}

Status parse_precision(std::string_view text, ExecutionWish& wish) {
  if (text != "exact" && text != "auto") {
    return Status::invalid_argument("precision is '" + std::string(text.substr(0, 64)) +
                                    "'; it can be exact or auto");
  }
  wish.precision = text == "auto" ? Precision::automatic : Precision::exact;
  return {};
}

Status parse_accuracy_gate(std::string_view text, ExecutionWish& wish) {
  double gate = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), gate);
  if (error != std::errc() || end != text.data() + text.size() || !(gate > 0 && gate <= 1)) {
    return Status::invalid_argument("accuracy_gate is '" + std::string(text.substr(0, 64)) +
                                    "'; it is a number above 0, up to 1");
  }
  wish.accuracy_gate = gate;
  return {};
}

Status parse_execution_trial(std::string_view text, ExecutionWish& wish) {
  if (text != "serving" && text != "loading") {
    return Status::invalid_argument("execution_trial is '" + std::string(text.substr(0, 64)) +
                                    "'; it can be serving or loading");
  }
  wish.trial = text == "serving" ? TrialTime::serving : TrialTime::loading;
  return {};
}

Result<ExecutionWish> execution_wish(const ConfigStrings& parameters, ExecutionWish defaults) {
  constexpr std::pair<const char*, Status (*)(std::string_view, ExecutionWish&)> kParameters[] = {
      {"execution", parse_execution},
      {"precision", parse_precision},
      {"accuracy_gate", parse_accuracy_gate},
      {"execution_trial", parse_execution_trial},
  };
  for (const auto& [name, parse] : kParameters) {
    const auto found = parameters.find(name);
    if (found == parameters.end()) continue;
    if (Status s = parse(found->second, defaults); !s.ok()) {
      return Status(s.code(), "parameter " + s.message());
    }
  }
  return defaults;
}

}  // namespace mlops
