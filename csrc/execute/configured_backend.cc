#include "execute/configured_backend.h"

#include <utility>

namespace mlops {
namespace {

// `dims` with its open axes filled, in order, from those of `pattern` that are open, whose sizes
// `shape` has. nullopt when the ranks do not fit.
std::optional<Shape> reshaped(const Shape& shape, const std::vector<std::int64_t>& pattern,
                              const std::vector<std::int64_t>& dims) {
  if (shape.rank() != pattern.size()) return std::nullopt;
  Shape made;
  std::size_t from = 0;
  for (const std::int64_t dim : dims) {
    std::int64_t size = dim;
    if (dim == kAnySize) {
      while (from < pattern.size() && pattern[from] != kAnySize) ++from;
      if (from == pattern.size()) return std::nullopt;
      size = shape[from++];
    }
    if (!made.push_back(size)) return std::nullopt;
  }
  if (made.elements() != shape.elements()) return std::nullopt;
  return made;
}

class ConfiguredExecutor final : public Executor {
 public:
  ConfiguredExecutor(std::unique_ptr<Executor> inner, const FittedModel& fitted,
                     std::size_t graph_outputs)
      : inner_(std::move(inner)), fitted_(fitted), slots_(graph_outputs) {}

  Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override {
    inputs_.assign(inputs.begin(), inputs.end());
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const FittedTensor& fit = fitted_.inputs[i];
      if (!fit.reshaped) continue;
      const auto shape = reshaped(inputs_[i].shape, fit.spec.dims, fit.graph_dims);
      if (!shape) return mismatch("input", fit.spec.name, inputs_[i].shape);
      inputs_[i].shape = *shape;
    }
    for (OutputSlot& slot : slots_) slot = OutputSlot{};
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      OutputSlot& slot = slots_[fitted_.outputs[i].graph_index];
      slot = std::move(outputs[i]);
      const FittedTensor& fit = fitted_.outputs[i];
      if (!fit.reshaped || !slot.tensor.owner) continue;
      const auto shape = reshaped(slot.tensor.shape, fit.spec.dims, fit.graph_dims);
      if (!shape) return mismatch("output", fit.spec.name, slot.tensor.shape);
      slot.tensor.shape = *shape;
    }
    if (Status s = inner_->run(inputs_, slots_); !s.ok()) return s;
    inputs_.clear();
    return take_outputs(outputs);
  }

  void interrupt() override { inner_->interrupt(); }

 private:
  static Status mismatch(const char* kind, const std::string& name, const Shape& shape) {
    return Status::internal(std::string(kind) + " '" + name + "' of shape " + shape.to_string() +
                            " cannot be given the shape that the configuration says");
  }

  Status take_outputs(std::span<OutputSlot> outputs) {
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const FittedTensor& fit = fitted_.outputs[i];
      outputs[i] = std::move(slots_[fit.graph_index]);
      if (!fit.reshaped || !outputs[i].wanted) continue;
      Tensor& tensor = outputs[i].tensor;
      const auto shape = reshaped(tensor.shape, fit.graph_dims, fit.spec.dims);
      if (!shape) return mismatch("output", fit.spec.name, tensor.shape);
      tensor.shape = *shape;
    }
    return {};
  }

  std::unique_ptr<Executor> inner_;
  const FittedModel& fitted_;
  std::vector<Tensor> inputs_;  // scratch
  std::vector<OutputSlot> slots_;
};

class ConfiguredBackend final : public Backend {
 public:
  ConfiguredBackend(std::unique_ptr<Backend> inner, FittedModel fitted)
      : inner_(std::move(inner)), fitted_(std::move(fitted)), signature_(signature_of(fitted_)) {}

  const Signature& signature() const override { return signature_; }
  std::string_view platform() const override { return inner_->platform(); }
  double answer_spread() const override { return inner_->answer_spread(); }
  bool waits() const override { return inner_->waits(); }
  std::uint32_t passed() const override { return inner_->passed(); }
  std::optional<std::uint64_t> runs_set_aside() const override { return inner_->runs_set_aside(); }
  Result<std::unique_ptr<Executor>> make_executor() override {
    Result<std::unique_ptr<Executor>> inner = inner_->make_executor();
    if (!inner.ok()) return inner.status();
    return std::unique_ptr<Executor>(std::make_unique<ConfiguredExecutor>(
        *std::move(inner), fitted_, inner_->signature().outputs.size()));
  }

 private:
  std::unique_ptr<Backend> inner_;
  const FittedModel fitted_;
  const Signature signature_;
};

}  // namespace

std::unique_ptr<Backend> make_configured_backend(std::unique_ptr<Backend> inner,
                                                 const FittedModel& fitted) {
  return std::make_unique<ConfiguredBackend>(std::move(inner), fitted);
}

}  // namespace mlops
