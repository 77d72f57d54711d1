#pragma once
// What executes a model. A Backend is one loaded model, weights in memory once; an Executor is one
// lane's way to run it. Implementations: ort_backend (ONNX Runtime), echo_backend (no model at
// all), builtin_backends (for tests and measurements).

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "execute/generation.h"
#include "tensor/copy_meter.h"
#include "tensor/signature.h"
#include "tensor/tensor.h"

namespace mlops {

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

  // How long one row takes, for back ends of ours that are known to treat rows independently: such
  // a model is not tried before it serves. nullopt: unknown, to be found out.
  virtual std::optional<Duration> known_run_time() const { return std::nullopt; }
  // By how much, relative to the largest value of an output, its answers to a row may depend on how
  // many rows run at once. 0: by the order of sums only.
  virtual double answer_spread() const { return 0; }
  // Its executors remember earlier runs: a run must not be repeated.
  virtual bool stateful() const { return false; }

  // How often something else took over its runs: then what was learned of their times is old.
  virtual std::uint32_t passed() const { return 0; }

  // Runs that it gave to its slower, general executor for the values in them; nullopt: it does not
  // choose by values. Any thread.
  virtual std::optional<std::uint64_t> runs_set_aside() const { return std::nullopt; }

  // Its runs wait much longer than they compute: one under way takes no processor from others.
  virtual bool waits() const { return false; }

  // Decoupled: answers a request with any number of parts, by generate() instead of an Executor.
  virtual bool decoupled() const { return false; }
  // Thread-safe. `inputs` are in signature order and outlive the Generation, as the Backend does.
  virtual Result<std::unique_ptr<Generation>> generate(std::span<const Tensor> /*inputs*/) {
    return Status::internal("this back end answers every request once");
  }
};

}  // namespace mlops
