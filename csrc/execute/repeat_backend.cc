// Decoupled: one part per element of IN, each after its own delay; see builtin_backends.h.

#include <array>

#include "execute/builtin_backends.h"
#include "execute/builtin_parts.h"

namespace mlops {
namespace {

enum Input : std::size_t { kIn, kDelay, kWait };
enum Output : std::size_t { kOut, kIdx };

template <class T>
bool fill(OutputSlot& slot, DType dtype, T value) {
  if (!slot.wanted) return true;
  std::byte* room = output_room(slot.tensor, dtype, Shape{1}, sizeof value);
  if (room) std::memcpy(room, &value, sizeof value);
  return room != nullptr;
}

class RepeatGeneration final : public Generation {
 public:
  RepeatGeneration(const Tensor& in, const Tensor& delay, std::uint32_t count)
      : in_(in), delay_(delay), count_(count) {}

  Result<Step> step(TimePoint now, std::span<OutputSlot> outputs) override {
    if (next_ == count_) return Step{Kind::end, {}};
    if (!due_) due_ = now + std::chrono::milliseconds(element<std::uint32_t>(delay_, next_));
    if (now < *due_) return Step{Kind::later, *due_};
    due_.reset();
    const bool filled = fill(outputs[kOut], DType::i32, element<std::int32_t>(in_, next_)) &&
                        fill(outputs[kIdx], DType::u32, next_);
    if (!filled) return Status::resource_exhausted("no memory for an output of the repeat model");
    ++next_;
    return Step{Kind::part, {}};
  }

 private:
  const Tensor& in_;
  const Tensor& delay_;
  std::uint32_t count_;
  std::uint32_t next_ = 0;
  std::optional<TimePoint> due_;  // of the next part
};

class RepeatBackend final : public Backend {
 public:
  explicit RepeatBackend(Signature signature) : signature_(std::move(signature)) {}

  const Signature& signature() const override { return signature_; }
  std::string_view platform() const override { return "repeat"; }
  bool decoupled() const override { return true; }
  Result<std::unique_ptr<Executor>> make_executor() override {
    return Status::unimplemented("the repeat back end only answers in parts");
  }
  Result<std::unique_ptr<Generation>> generate(std::span<const Tensor> inputs) override {
    const Tensor& in = inputs[kIn];
    if (!(in.shape == inputs[kDelay].shape)) {
      return Status::invalid_argument("expected IN and DELAY shape to match, got " +
                                      in.shape.to_string() + " and " +
                                      inputs[kDelay].shape.to_string());
    }
    if (inputs[kWait].shape.elements() != 1) {
      return Status::invalid_argument("unexpected size for WAIT input");
    }
    const auto count = static_cast<std::uint32_t>(in.bytes.size() / sizeof(std::int32_t));
    return std::unique_ptr<Generation>(
        std::make_unique<RepeatGeneration>(in, inputs[kDelay], count));
  }

 private:
  Signature signature_;
};

struct Expected {
  std::string_view name;
  DType dtype;
};

}  // namespace

Result<std::unique_ptr<Backend>> make_repeat_backend(Signature signature) {
  constexpr std::array<Expected, 3> kTaken = {
      {{"IN", DType::i32}, {"DELAY", DType::u32}, {"WAIT", DType::u32}}};
  constexpr std::array<Expected, 2> kGiven = {{{"OUT", DType::i32}, {"IDX", DType::u32}}};
  if (signature.inputs.size() != kTaken.size() || signature.outputs.size() != kGiven.size()) {
    return Status::invalid_argument(
        "the repeat back end has the inputs IN, DELAY and WAIT and the outputs OUT and IDX");
  }
  for (std::size_t i = 0; i < kTaken.size(); ++i) {
    Status s =
        expect_tensor("repeat", "input", signature.inputs, i, kTaken[i].name, kTaken[i].dtype);
    if (!s.ok()) return s;
  }
  for (std::size_t i = 0; i < kGiven.size(); ++i) {
    Status s =
        expect_tensor("repeat", "output", signature.outputs, i, kGiven[i].name, kGiven[i].dtype);
    if (!s.ok()) return s;
  }
  return std::unique_ptr<Backend>(std::make_unique<RepeatBackend>(std::move(signature)));
}

}  // namespace mlops
