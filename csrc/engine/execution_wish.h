#pragma once
// What a model is to be executed by, and how exactly: `execution`, `precision`, `accuracy_gate` and
// `execution_trial`, defaults of the engine or parameters of a configuration.

#include <cstdint>
#include <string_view>

#include "base/status.h"
#include "model/model_config.h"

namespace mlops {

enum class Execution : std::uint8_t {
  standard,     // ONNX Runtime, or native trees where they are faster
  automatic,    // what a trial finds to be the fastest, OpenVINO included
  onnxruntime,  // nothing else
  openvino,     // wherever it answers alike; ONNX Runtime where it does not
  trees,        // or the load fails
};

enum class Precision : std::uint8_t {
  exact,      // answers differ by the rounding of sums only
  automatic,  // by the gate: bf16 and other roundings of int8 may be used
};

// When a trial is held, where it is optional: `Execution::openvino` is found at the load.
enum class TrialTime : std::uint8_t {
  serving,  // after the load: the model serves in ONNX Runtime until another takes over
  loading,  // during it
};

struct ExecutionWish {
  Execution execution = Execution::automatic;
  Precision precision = Precision::exact;
  // With Precision::automatic: largest difference, relative to the largest value of an output.
  double accuracy_gate = 0.02;
  TrialTime trial = TrialTime::serving;

  // Somebody said so, for this model or for all.
  bool asked() const { return execution != Execution::automatic || precision != Precision::exact; }
  bool tries_openvino() const {
    return execution == Execution::automatic || execution == Execution::openvino;
  }
};

std::string_view name_of(Execution execution);
std::string_view name_of(Precision precision);
std::string_view name_of(TrialTime trial);
Status parse_execution(std::string_view text, ExecutionWish& wish);
Status parse_precision(std::string_view text, ExecutionWish& wish);
Status parse_accuracy_gate(std::string_view text, ExecutionWish& wish);  // above 0, up to 1
Status parse_execution_trial(std::string_view text, ExecutionWish& wish);

// `defaults` with what the parameters say instead. invalid_argument names a parameter that is
// wrong.
Result<ExecutionWish> execution_wish(const ConfigStrings& parameters, ExecutionWish defaults);

}  // namespace mlops
