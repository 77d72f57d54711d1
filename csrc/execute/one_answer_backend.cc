#include "execute/one_answer_backend.h"

#include <stop_token>
#include <utility>

namespace mlops {
namespace {

Status not_one() {
  return Status::invalid_argument(
      "the model gives any number of responses and is configured to give exactly one");
}

class OneAnswerExecutor final : public Executor {
 public:
  OneAnswerExecutor(Backend& backend, std::shared_ptr<Pause> pause)
      : backend_(backend), pause_(std::move(pause)) {}

  Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override {
    Result<std::unique_ptr<Generation>> generation = backend_.generate(inputs);
    if (!generation.ok()) return generation.status();
    bool has_one = false;
    const std::stop_token stop = stop_.get_token();
    while (!stop.stop_requested()) {
      const TimePoint now = clock_.now();
      // What follows the one part is only looked at to see that it is the end.
      std::vector<OutputSlot> unwanted(has_one ? outputs.size() : 0);
      const Result<Generation::Step> step =
          (*generation)->step(now, has_one ? std::span<OutputSlot>(unwanted) : outputs);
      if (!step.ok()) return step.status();
      switch (step->kind) {
        case Generation::Kind::later:
          pause_->pass(step->at - now, stop);
          break;
        case Generation::Kind::part:
          if (std::exchange(has_one, true)) return not_one();
          break;
        case Generation::Kind::end:
          return has_one ? Status() : not_one();
      }
    }
    return Status::cancelled("the model was interrupted");
  }
  void interrupt() override { stop_.request_stop(); }

 private:
  Backend& backend_;
  std::shared_ptr<Pause> pause_;
  SteadyClock clock_;
  std::stop_source stop_;
};

class OneAnswerBackend final : public Backend {
 public:
  OneAnswerBackend(std::unique_ptr<Backend> inner, std::shared_ptr<Pause> pause)
      : inner_(std::move(inner)), pause_(std::move(pause)) {}

  const Signature& signature() const override { return inner_->signature(); }
  std::string_view platform() const override { return inner_->platform(); }
  // Not tried with made-up input, to which it might give a million parts.
  std::optional<Duration> known_run_time() const override { return std::chrono::milliseconds(1); }
  bool waits() const override { return true; }  // out the pauses between steps
  Result<std::unique_ptr<Executor>> make_executor() override {
    return std::unique_ptr<Executor>(std::make_unique<OneAnswerExecutor>(*inner_, pause_));
  }

 private:
  std::unique_ptr<Backend> inner_;
  std::shared_ptr<Pause> pause_;
};

}  // namespace

std::unique_ptr<Backend> make_one_answer_backend(std::unique_ptr<Backend> decoupled,
                                                 const std::shared_ptr<Pause>& pause) {
  return std::make_unique<OneAnswerBackend>(std::move(decoupled), pause);
}

}  // namespace mlops
