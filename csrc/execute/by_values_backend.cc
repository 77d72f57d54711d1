#include "execute/by_values_backend.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "execute/value_range.h"

namespace mlops {
namespace {

class ByValuesExecutor final : public Executor {
 public:
  ByValuesExecutor(std::unique_ptr<Executor> any, std::unique_ptr<Executor> ordinary,
                   double magnitude_max, std::atomic<std::uint64_t>& set_aside)
      : any_(std::move(any)),
        ordinary_(std::move(ordinary)),
        magnitude_max_(magnitude_max),
        set_aside_(set_aside) {}

  Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override {
    const bool ordinary = std::ranges::all_of(
        inputs, [&](const Tensor& input) { return floats_within(input, magnitude_max_); });
    if (ordinary) return ordinary_->run(inputs, outputs);
    set_aside_.fetch_add(1, std::memory_order_relaxed);
    return any_->run(inputs, outputs);
  }

  void interrupt() override {
    any_->interrupt();
    ordinary_->interrupt();
  }

 private:
  const std::unique_ptr<Executor> any_;
  const std::unique_ptr<Executor> ordinary_;
  const double magnitude_max_;
  std::atomic<std::uint64_t>& set_aside_;
};

class ByValuesBackend final : public Backend {
 public:
  ByValuesBackend(std::shared_ptr<Backend> any, std::shared_ptr<Backend> ordinary,
                  double magnitude_max, double spread)
      : any_(std::move(any)),
        ordinary_(std::move(ordinary)),
        magnitude_max_(magnitude_max),
        spread_(spread) {}

  const Signature& signature() const override { return any_->signature(); }
  std::string_view platform() const override { return any_->platform(); }
  double answer_spread() const override { return spread_; }
  std::optional<std::uint64_t> runs_set_aside() const override {
    return set_aside_.load(std::memory_order_relaxed);
  }
  Result<std::unique_ptr<Executor>> make_executor() override {
    Result<std::unique_ptr<Executor>> any = any_->make_executor();
    if (!any.ok()) return any.status();
    Result<std::unique_ptr<Executor>> ordinary = ordinary_->make_executor();
    if (!ordinary.ok()) return ordinary.status();
    return std::unique_ptr<Executor>(std::make_unique<ByValuesExecutor>(
        *std::move(any), *std::move(ordinary), magnitude_max_, set_aside_));
  }

 private:
  const std::shared_ptr<Backend> any_;
  const std::shared_ptr<Backend> ordinary_;
  const double magnitude_max_;
  const double spread_;
  std::atomic<std::uint64_t> set_aside_{0};
};

}  // namespace

std::unique_ptr<Backend> make_by_values_backend(std::shared_ptr<Backend> any,
                                                std::shared_ptr<Backend> ordinary,
                                                double magnitude_max, double spread) {
  return std::make_unique<ByValuesBackend>(std::move(any), std::move(ordinary), magnitude_max,
                                           spread);
}

}  // namespace mlops
