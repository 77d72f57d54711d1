#include "bindings/gate.h"

#include <utility>

namespace mlops::python {
namespace {

class GatedExecutor final : public Executor {
 public:
  GatedExecutor(std::unique_ptr<Executor> inner, std::shared_ptr<Gate> gate)
      : inner_(std::move(inner)), gate_(std::move(gate)) {}

  Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override {
    gate_->pass();
    return inner_->run(inputs, outputs);
  }

 private:
  std::unique_ptr<Executor> inner_;
  std::shared_ptr<Gate> gate_;
};

class GatedBackend final : public Backend {
 public:
  GatedBackend(std::unique_ptr<Backend> inner, std::shared_ptr<Gate> gate)
      : inner_(std::move(inner)), gate_(std::move(gate)) {}

  const Signature& signature() const override { return inner_->signature(); }
  std::string_view platform() const override { return inner_->platform(); }
  Result<std::unique_ptr<Executor>> make_executor() override {
    auto executor = inner_->make_executor();
    if (!executor.ok()) return executor;
    return std::unique_ptr<Executor>(std::make_unique<GatedExecutor>(*std::move(executor), gate_));
  }

 private:
  std::unique_ptr<Backend> inner_;
  std::shared_ptr<Gate> gate_;
};

}  // namespace

void Gate::close() {
  const std::lock_guard lock(mutex_);
  open_ = false;
}

void Gate::open() {
  const std::lock_guard lock(mutex_);
  open_ = true;
  changed_.notify_all();
}

void Gate::pass() {
  std::unique_lock lock(mutex_);
  if (open_) return;
  ++waiting_;
  changed_.notify_all();
  changed_.wait(lock, [this] { return open_; });
  --waiting_;
}

void Gate::wait_for_arrivals(int n) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return waiting_ >= n; });
}

std::unique_ptr<Backend> behind_gate(std::unique_ptr<Backend> inner, std::shared_ptr<Gate> gate) {
  return std::make_unique<GatedBackend>(std::move(inner), std::move(gate));
}

}  // namespace mlops::python
