#pragma once
// A model file executed by OpenVINO. What is served is what ONNX Runtime would answer: it loads and
// checks the file first, and its signature is the model's.

#include <memory>
#include <optional>
#include <string>

#include "execute/backend.h"
#include "execute/openvino_model.h"

namespace mlops {

struct OpenvinoOptions {
  OpenvinoPrecision precision = OpenvinoPrecision::f32;
  double spread = 0;  // the back end's answer_spread()
  // What requests are held to where a configuration is stricter than the graph; else the
  // reference's.
  std::optional<Signature> signature;
};

// `reference` is the file at `path` under ONNX Runtime, which is not changed. unimplemented, with
// the reason, where the file is not for OpenVINO: strings, loops, operators or shapes that it reads
// differently, convolutions over sizes that are open. `copies` may be null; it outlives the back
// end.
Result<std::unique_ptr<Backend>> load_openvino_backend(
    std::shared_ptr<const OpenvinoRuntime> runtime, const std::string& path,
    const Backend& reference, const OpenvinoOptions& options, CopyMeter* copies);

}  // namespace mlops
