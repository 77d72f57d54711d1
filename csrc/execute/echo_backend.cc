#include "execute/echo_backend.h"

#include <cstring>
#include <utility>

namespace mlops {
namespace {

// A preallocated buffer is used when it fits exactly; otherwise the executor brings its own, as the
// ONNX Runtime back end does for a graph whose declared output shape turns out to be untrue.
bool fits(const Tensor& slot, const Tensor& input) {
  return slot.owner && slot.dtype == input.dtype && slot.shape == input.shape &&
         slot.bytes.size() == input.bytes.size();
}

Status echo(const Tensor& input, Tensor& output) {
  if (!fits(output, input)) {
    Buffer buffer = allocate_buffer(input.bytes.size());
    if (!buffer) return Status::resource_exhausted("no memory for an output of the echo model");
    output.bytes = writable(buffer);
    output.owner = std::move(buffer);
    output.dtype = input.dtype;
    output.shape = input.shape;
  }
  if (input.bytes.empty()) return {};  // memcpy must not see the null pointer of an empty span
  // The view is const because most holders only read; the preallocated memory is ours to fill.
  std::memcpy(const_cast<std::byte*>(output.bytes.data()), input.bytes.data(), input.bytes.size());
  return {};
}

class EchoExecutor final : public Executor {
 public:
  explicit EchoExecutor(const Signature& signature) : signature_(signature) {}

  Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override {
    if (inputs.size() != signature_.inputs.size() || outputs.size() != signature_.outputs.size()) {
      return Status::internal("the echo model was run with the wrong number of tensors");
    }
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (!outputs[i].wanted) continue;
      if (Status s = echo(inputs[i], outputs[i].tensor); !s.ok()) return s;
    }
    return {};
  }

 private:
  const Signature& signature_;
};

class EchoBackend final : public Backend {
 public:
  explicit EchoBackend(Signature signature) : signature_(std::move(signature)) {}

  const Signature& signature() const override { return signature_; }
  std::string_view platform() const override { return "mlops_echo"; }
  Result<std::unique_ptr<Executor>> make_executor() override {
    return std::unique_ptr<Executor>(std::make_unique<EchoExecutor>(signature_));
  }

 private:
  Signature signature_;
};

}  // namespace

Result<std::unique_ptr<Backend>> make_echo_backend(Signature signature) {
  if (signature.outputs.size() > signature.inputs.size()) {
    return Status::invalid_argument("an echo model has at most as many outputs as inputs");
  }
  for (std::size_t i = 0; i < signature.outputs.size(); ++i) {
    if (signature.outputs[i].dtype != signature.inputs[i].dtype) {
      return Status::invalid_argument("echo output '" + signature.outputs[i].name +
                                      "' must have the element type of input '" +
                                      signature.inputs[i].name + "'");
    }
  }
  return std::unique_ptr<Backend>(std::make_unique<EchoBackend>(std::move(signature)));
}

}  // namespace mlops
