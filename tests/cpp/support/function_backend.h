#pragma once
// A model of one input, as a function on its values; each run takes a time of the test's choice.

#include <functional>
#include <utility>
#include <vector>

#include "execute/backend.h"
#include "support/fake_clock.h"
#include "support/requests.h"

namespace mlops::testing {

class FunctionBackend final : public Backend {
 public:
  using Function = std::function<Status(std::vector<float>&)>;
  using Cost = std::function<Duration(std::int64_t rows)>;

  FunctionBackend(Function function, FakeClock& clock, Cost cost,
                  Signature signature = echo_signature())
      : function_(std::move(function)),
        clock_(clock),
        cost_(std::move(cost)),
        signature_(std::move(signature)) {}

  const Signature& signature() const override { return signature_; }
  std::string_view platform() const override { return "function"; }
  Result<std::unique_ptr<Executor>> make_executor() override {
    return std::unique_ptr<Executor>(std::make_unique<Lane>(*this));
  }

  static Status same(std::vector<float>&) { return {}; }
  static Cost cost(std::int64_t us, std::int64_t us_per_row) {
    return [=](std::int64_t rows) -> Duration {
      return std::chrono::microseconds(us + us_per_row * rows);
    };
  }

 private:
  class Lane final : public Executor {
   public:
    explicit Lane(FunctionBackend& backend) : backend_(backend) {}
    Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override {
      const Tensor& input = inputs.front();
      std::vector<float> values;
      if (input.dtype == DType::i64) {
        for (const std::int64_t v : values_of<std::int64_t>(input)) {
          values.push_back(static_cast<float>(v));
        }
      } else {
        values = values_of<float>(input);
      }
      backend_.clock_.advance(backend_.cost_(input.shape[0]));
      if (Status s = backend_.function_(values); !s.ok()) return s;
      outputs.front().tensor = dense(DType::f32, input.shape, values);
      return {};
    }

   private:
    FunctionBackend& backend_;
  };

  const Function function_;
  FakeClock& clock_;
  const Cost cost_;
  const Signature signature_;
};

}  // namespace mlops::testing
