#pragma once
// What executes a model. A Backend is one loaded model, weights in memory once; an Executor is one
// lane's way to run it. Implementations: ort_backend (ONNX Runtime), echo_backend (no model at
// all).

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "tensor/copy_meter.h"
#include "tensor/signature.h"
#include "tensor/tensor.h"

namespace mlops {

// Where one output goes. Before run(): `wanted`, and optionally a preallocated buffer in
// `tensor.owner` with dtype and shape set and `bytes` viewing it. After a successful run():
// `tensor` describes the result; its owner is the preallocated buffer or one that the executor made
// (strings, and results whose shape is not the one that was expected).
struct OutputSlot {
  bool wanted = false;
  Tensor tensor;
};

class Executor {
 public:
  virtual ~Executor() = default;
  // Runs the model once. `inputs` are in signature order, dense, valid for the call; `outputs` are
  // in signature order. One call at a time per Executor. Blocks for as long as the model computes.
  // On failure no output is meaningful. Never throws.
  virtual Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) = 0;
  // Any thread, for good: the run in progress and every later one end soon, with `cancelled`. So a
  // graph with an endless loop cannot hold up the end of the process. Optional for an
  // implementation.
  virtual void interrupt() {}
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual const Signature& signature() const = 0;
  virtual std::string_view platform() const = 0;  // KServe's name, e.g. "onnxruntime_onnx"
  // Thread-safe. The Executor must not outlive the Backend.
  virtual Result<std::unique_ptr<Executor>> make_executor() = 0;
};

}  // namespace mlops
