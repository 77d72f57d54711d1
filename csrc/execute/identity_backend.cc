// The echo back end with delays; see builtin_backends.h.

#include <algorithm>

#include "execute/builtin_backends.h"
#include "execute/builtin_parts.h"
#include "execute/echo_backend.h"

namespace mlops {
namespace {

constexpr std::uint64_t kDelayMsMax = 3'600'000;

class IdentityExecutor final : public Executor {
 public:
  IdentityExecutor(std::unique_ptr<Executor> echo, std::shared_ptr<Pause> pause, Duration delay)
      : echo_(std::move(echo)), delay_(std::move(pause), delay) {}

  Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override {
    if (Status passed = delay_.pass(); !passed.ok()) return passed;
    return echo_->run(inputs, outputs);
  }
  void interrupt() override { delay_.interrupt(); }

 private:
  std::unique_ptr<Executor> echo_;
  Delay delay_;
};

class IdentityBackend final : public Backend {
 public:
  IdentityBackend(std::unique_ptr<Backend> echo, std::shared_ptr<Pause> pause, Duration delay,
                  std::uint64_t multiplier)
      : echo_(std::move(echo)), pause_(std::move(pause)), delay_(delay), multiplier_(multiplier) {}

  const Signature& signature() const override { return echo_->signature(); }
  std::string_view platform() const override { return "identity"; }
  std::optional<Duration> known_run_time() const override { return delay_; }
  bool waits() const override { return delay_ > Duration{0}; }
  Result<std::unique_ptr<Executor>> make_executor() override {
    Result<std::unique_ptr<Executor>> echo = echo_->make_executor();
    if (!echo.ok()) return echo.status();
    const std::uint64_t number = executors_.fetch_add(1, std::memory_order_relaxed);
    const std::uint64_t times = std::max<std::uint64_t>(1, multiplier_ * number);
    return std::unique_ptr<Executor>(
        std::make_unique<IdentityExecutor>(*std::move(echo), pause_, delay_ * times));
  }

 private:
  std::unique_ptr<Backend> echo_;
  std::shared_ptr<Pause> pause_;
  Duration delay_;
  std::uint64_t multiplier_;
  std::atomic<std::uint64_t> executors_{0};
};

}  // namespace

Result<std::unique_ptr<Backend>> make_identity_backend(Signature signature,
                                                       const ConfigStrings& parameters,
                                                       const std::shared_ptr<Pause>& pause) {
  const auto delay = whole_parameter(parameters, "execute_delay_ms", kDelayMsMax);
  if (!delay.ok()) return delay.status();
  const auto multiplier = whole_parameter(parameters, "instance_wise_delay_multiplier", 1000);
  if (!multiplier.ok()) return multiplier.status();
  const auto creation = whole_parameter(parameters, "creation_delay_sec", kDelayMsMax / 1000);
  if (!creation.ok()) return creation.status();
  Result<std::unique_ptr<Backend>> echo = make_echo_backend(std::move(signature));
  if (!echo.ok()) return echo.status();
  if (*creation > 0) pause->pass(std::chrono::seconds(*creation), {});
  return std::unique_ptr<Backend>(std::make_unique<IdentityBackend>(
      *std::move(echo), pause, std::chrono::milliseconds(*delay), *multiplier));
}

}  // namespace mlops
