#pragma once
// A model of rows of any length with a mask, which it heeds or not: per row, the sum of what counts
// and how much that is. A gate says when runs go on; those with padding are counted, for tests do
// not use 0 as an id.

#include <algorithm>
#include <atomic>
#include <memory>

#include "support/gate_backend.h"

namespace mlops::testing {

inline Signature masked_signature() {
  return {{spec("ids", DType::i64, {kAnySize, kAnySize}),
           spec("attention_mask", DType::i64, {kAnySize, kAnySize})},
          {spec("sum", DType::f32, {kAnySize, 2})}};
}

struct MaskedRuns {
  Gate gate;
  std::atomic<std::size_t> padded{0};
};

class MaskedExecutor final : public Executor {
 public:
  MaskedExecutor(std::shared_ptr<MaskedRuns> runs, bool heeds)
      : runs_(std::move(runs)), heeds_(heeds) {}

  Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override {
    const Shape shape = inputs[0].shape;
    if (!(inputs[1].shape == shape)) return Status::invalid_argument("the mask does not fit");
    runs_->gate.pass(shape[0]);
    const auto ids = values_of<std::int64_t>(inputs[0]);
    const auto mask = values_of<std::int64_t>(inputs[1]);
    if (std::ranges::find(ids, 0) != ids.end()) ++runs_->padded;
    std::vector<float> sums(static_cast<std::size_t>(2 * shape[0]));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const std::size_t row = i / static_cast<std::size_t>(shape[1]);
      if (heeds_ && mask[i] == 0) continue;
      sums[2 * row] += static_cast<float>(ids[i]);
      sums[2 * row + 1] += 1;
    }
    OutputSlot& slot = outputs.front();
    slot.tensor = dense(DType::f32, Shape{shape[0], 2}, sums);
    return {};
  }

 private:
  std::shared_ptr<MaskedRuns> runs_;
  bool heeds_;
};

class MaskedBackend final : public Backend {
 public:
  MaskedBackend(std::shared_ptr<MaskedRuns> runs, bool heeds)
      : runs_(std::move(runs)), heeds_(heeds) {}

  const Signature& signature() const override { return signature_; }
  std::string_view platform() const override { return "masked"; }
  bool waits() const override { return true; }
  Result<std::unique_ptr<Executor>> make_executor() override {
    return std::unique_ptr<Executor>(std::make_unique<MaskedExecutor>(runs_, heeds_));
  }

 private:
  std::shared_ptr<MaskedRuns> runs_;
  bool heeds_;
  Signature signature_ = masked_signature();
};

}  // namespace mlops::testing
