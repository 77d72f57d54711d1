// Decoupled: n parts for the number n; see builtin_backends.h.

#include "execute/builtin_backends.h"
#include "execute/builtin_parts.h"

namespace mlops {
namespace {

constexpr std::uint64_t kDelayNsMax = 3'600'000'000'000;

class SquareGeneration final : public Generation {
 public:
  SquareGeneration(std::int32_t number, const Shape& shape, Duration delay)
      : number_(number), shape_(shape), delay_(delay) {}

  Result<Step> step(TimePoint now, std::span<OutputSlot> outputs) override {
    if (made_ == number_) return Step{Kind::end, {}};
    if (delay_ > Duration{0} && !waiting_) {
      waiting_ = true;
      due_ = now + delay_;
    }
    if (waiting_ && now < due_) return Step{Kind::later, due_};
    waiting_ = false;
    ++made_;
    if (!outputs[0].wanted) return Step{Kind::part, {}};
    std::byte* room = output_room(outputs[0].tensor, DType::i32, shape_, sizeof number_);
    if (!room) return Status::resource_exhausted("no memory for an output of the square model");
    std::memcpy(room, &number_, sizeof number_);
    return Step{Kind::part, {}};
  }

 private:
  std::int32_t number_;
  Shape shape_;
  Duration delay_;
  std::int32_t made_ = 0;
  bool waiting_ = false;
  TimePoint due_{};
};

class SquareBackend final : public Backend {
 public:
  SquareBackend(Signature signature, Duration delay)
      : signature_(std::move(signature)), delay_(delay) {}

  const Signature& signature() const override { return signature_; }
  std::string_view platform() const override { return "square"; }
  bool decoupled() const override { return true; }
  Result<std::unique_ptr<Executor>> make_executor() override {
    return Status::unimplemented("the square back end only answers in parts");
  }
  Result<std::unique_ptr<Generation>> generate(std::span<const Tensor> inputs) override {
    const Tensor& in = inputs[0];
    if (in.shape.elements() != 1) {
      return Status::invalid_argument("unexpected shape for IN input: expected one element, got " +
                                      in.shape.to_string());
    }
    const auto number = element<std::int32_t>(in, 0);
    if (number < 0) {
      return Status::invalid_argument("IN is " + std::to_string(number) +
                                      ", and a request cannot be answered less than never");
    }
    return std::unique_ptr<Generation>(
        std::make_unique<SquareGeneration>(number, in.shape, delay_));
  }

 private:
  Signature signature_;
  Duration delay_;
};

}  // namespace

Result<std::unique_ptr<Backend>> make_square_backend(Signature signature,
                                                     const ConfigStrings& parameters) {
  if (signature.inputs.size() != 1 || signature.outputs.size() != 1) {
    return Status::invalid_argument("the square back end has one input, IN, and one output, OUT");
  }
  if (Status s = expect_tensor("square", "input", signature.inputs, 0, "IN", DType::i32); !s.ok()) {
    return s;
  }
  if (Status s = expect_tensor("square", "output", signature.outputs, 0, "OUT", DType::i32);
      !s.ok()) {
    return s;
  }
  const auto infer = whole_parameter(parameters, "CUSTOM_INFER_DELAY_NS", kDelayNsMax);
  if (!infer.ok()) return infer.status();
  const auto output = whole_parameter(parameters, "CUSTOM_OUTPUT_DELAY_NS", kDelayNsMax);
  if (!output.ok()) return output.status();
  return std::unique_ptr<Backend>(
      std::make_unique<SquareBackend>(std::move(signature), Duration(*infer + *output)));
}

}  // namespace mlops
