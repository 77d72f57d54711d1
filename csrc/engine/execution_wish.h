#pragma once
// What a model is to be executed by, and how exactly: `execution`, `precision` and `accuracy_gate`,
// defaults of the engine or parameters of a configuration.

#include <cstdint>
#include <string_view>

#include "base/status.h"
#include "model/model_config.h"

namespace mlops {

enum class Execution : std::uint8_t {
  standard,     // ONNX Runtime, or native trees where they are faster
  automatic,    // what a trial at the load finds to be the fastest, OpenVINO included
  onnxruntime,  // nothing else
  openvino,     // wherever it answers alike; ONNX Runtime where it does not
  trees,        // or the load fails
};

enum class Precision : std::uint8_t {
  exact,      // answers differ by the rounding of sums only
  automatic,  // by the gate: bf16 and other roundings of int8 may be used
};

struct ExecutionWish {
  Execution execution = Execution::standard;
  Precision precision = Precision::exact;
  // With Precision::automatic: largest difference, relative to the largest value of an output.
  double accuracy_gate = 0.02;
};

std::string_view name_of(Execution execution);
Status parse_execution(std::string_view text, ExecutionWish& wish);
Status parse_precision(std::string_view text, ExecutionWish& wish);
Status parse_accuracy_gate(std::string_view text, ExecutionWish& wish);  // above 0, up to 1

// `defaults` with what the parameters say instead. invalid_argument names a parameter that is
// wrong.
Result<ExecutionWish> execution_wish(const ConfigStrings& parameters, ExecutionWish defaults);

}  // namespace mlops
