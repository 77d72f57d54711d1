#pragma once
// A back end that runs when the test says so, and remembers the batches it was given. Echoes its
// first input. Rows whose first float is negative break the model, like a bad index would.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "execute/backend.h"
#include "support/requests.h"

namespace mlops::testing {

class Gate {
 public:
  void close() { set(false); }
  void open() { set(true); }
  // Blocks until at least `count` runs have entered the gate since construction.
  void wait_for_runs(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return batches_.size() >= count; });
  }
  std::vector<std::int64_t> batches() {  // rows of each run, in order of entry
    const std::lock_guard lock(mutex_);
    return batches_;
  }
  void pass(std::int64_t rows) {
    std::unique_lock lock(mutex_);
    batches_.push_back(rows);
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    batches_.clear();
  }

 private:
  void set(bool open) {
    const std::lock_guard lock(mutex_);
    open_ = open;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  std::vector<std::int64_t> batches_;
};

class GateBackend final : public Backend {
 public:
  GateBackend(std::shared_ptr<Gate> gate, Signature signature)
      : gate_(std::move(gate)), signature_(std::move(signature)) {}

  const Signature& signature() const override { return signature_; }
  std::string_view platform() const override { return "gate"; }
  bool waits() const override { return true; }
  Result<std::unique_ptr<Executor>> make_executor() override {
    return std::unique_ptr<Executor>(std::make_unique<GateExecutor>(gate_));
  }

 private:
  class GateExecutor final : public Executor {
   public:
    explicit GateExecutor(std::shared_ptr<Gate> gate) : gate_(std::move(gate)) {}

    Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override {
      const Tensor& input = inputs.front();
      gate_->pass(input.shape.rank() == 0 ? 1 : input.shape[0]);
      if (input.dtype == DType::f32) {
        const auto values = values_of<float>(input);
        for (std::size_t i = 0; i < values.size(); i += 4) {
          if (values[i] < 0) return Status::invalid_argument("a row is negative");
        }
      }
      OutputSlot& slot = outputs.front();
      if (!slot.tensor.owner) {
        slot.tensor.owner = allocate_buffer(input.bytes.size());
        slot.tensor.bytes = {slot.tensor.owner->data(), input.bytes.size()};
      }
      slot.tensor.dtype = input.dtype;
      slot.tensor.shape = input.shape;
      if (!input.bytes.empty()) {
        // Preallocated outputs may lie anywhere in their owner's block.
        std::memcpy(const_cast<std::byte*>(slot.tensor.bytes.data()), input.bytes.data(),
                    input.bytes.size());
      }
      return {};
    }

   private:
    std::shared_ptr<Gate> gate_;
  };

  std::shared_ptr<Gate> gate_;
  Signature signature_;
};

}  // namespace mlops::testing
