#include "engine/padding_probe.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "batch/pad_rows.h"
#include "engine/probe_rows.h"
#include "tensor/half.h"

namespace mlops {
namespace {

// Rows of the shorter length and of the longer one. In the last of them integers are all one, so
// that padding is a value which no row has: a maximum over all positions would show.
struct Trial {
  std::int64_t shorter;
  std::int64_t longer;
  double scale;
  bool ones;
  bool must_run;
};
constexpr Trial kTrials[] = {{1, 2, 1, false, true},
                             {3, 1, 1, false, true},
                             {2, 1, -4, false, false},
                             {1, 1, 1, true, true}};

using Tensors = std::vector<Tensor>;

template <class T>
void fill_with(Tensor& tensor, T value) {
  std::byte* at = tensor.owner->data();
  for (std::size_t i = 0; i < tensor.bytes.size() / sizeof(T); ++i) {
    std::memcpy(at + i * sizeof(T), &value, sizeof(T));
  }
}

void fill_with_ones(Tensor& tensor) {
  switch (tensor.dtype) {
    case DType::f32:
      return fill_with(tensor, 1.0F);
    case DType::f64:
      return fill_with(tensor, 1.0);
    case DType::f16:
      return fill_with(tensor, std::uint16_t{0x3C00});
    case DType::bf16:
      return fill_with(tensor, std::uint16_t{0x3F80});
    default:
      break;
  }
  std::byte* at = tensor.owner->data();
  const std::size_t size = size_of(tensor.dtype);
  std::memset(at, 0, tensor.bytes.size());
  for (std::size_t i = 0; i < tensor.bytes.size(); i += size) at[i] = std::byte{1};
}

bool is_integer(DType dtype) {
  return dtype != DType::f16 && dtype != DType::bf16 && dtype != DType::f32 && dtype != DType::f64;
}

class Prober {
 public:
  Prober(Executor& executor, const ProbedModel& model, const PaddingRule& rule)
      : executor_(executor), model_(model), rule_(rule) {}

  bool harmless(const Trial& trial, std::int64_t shorter, std::int64_t longer) {
    const Tensors a = make(trial, trial.shorter, shorter);
    const Tensors b = make(trial, trial.longer, longer);
    if (a.empty() || b.empty()) return refuse("rows are too large to try");
    Tensors together;
    for (std::size_t i = 0; i < a.size(); ++i) {
      together.push_back(append_rows(padded(a[i], longer), b[i]));
    }
    const auto out_a = run(a);
    const auto out_b = run(b);
    if ((!out_a || !out_b) && !trial.must_run) return true;
    const auto both = run(together);
    if (!out_a || !out_b || !both) return refuse("the model fails with other lengths");
    for (std::size_t i = 0; i < both->size(); ++i) {
      if (!agree((*out_a)[i], (*out_b)[i], (*both)[i])) {
        return refuse("padding shows in output '" + model_.signature.outputs[i].name + "'");
      }
    }
    return true;
  }

  const std::string& reason() const { return reason_; }

 private:
  Tensors make(const Trial& trial, std::int64_t rows, std::int64_t length) {
    Tensors inputs = make_probe_inputs(model_.signature, {rows, length, trial.scale}, random_);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const bool ones = i == rule_.mask || (trial.ones && is_integer(inputs[i].dtype));
      if (ones) fill_with_ones(inputs[i]);
    }
    return inputs;
  }

  static Tensor padded(const Tensor& tensor, std::int64_t length) {
    Tensor longer{tensor.dtype, tensor.shape, {}, nullptr};
    longer.shape.set(1, length);
    const std::size_t size = dense_size(longer.dtype, longer.shape).value_or(0);
    longer.owner = allocate_buffer(size);
    longer.bytes = {longer.owner->data(), size};
    copy_padded(longer.owner->data(), tensor, length);
    return longer;
  }

  std::optional<Tensors> run(const Tensors& inputs) {
    std::vector<OutputSlot> slots(model_.signature.outputs.size());
    for (OutputSlot& slot : slots) slot.wanted = true;
    if (!executor_.run(inputs, slots).ok()) return std::nullopt;
    Tensors outputs;
    for (OutputSlot& slot : slots) outputs.push_back(std::move(slot.tensor));
    return outputs;
  }

  bool agree(const Tensor& a, const Tensor& b, const Tensor& both) const {
    const bool rows = a.shape.rank() > 0 && a.shape.rank() == b.shape.rank() && a.dtype == b.dtype;
    return rows && nearly_equal(append_rows(a, b), both, model_.spread);
  }

  bool refuse(std::string why) {
    reason_ = std::move(why);
    return false;
  }

  Executor& executor_;
  const ProbedModel& model_;
  const PaddingRule& rule_;
  std::mt19937_64 random_{13};
  std::string reason_;
};

}  // namespace

PaddingTrial try_padding(Executor& executor, const ProbedModel& model, const PaddingRule& rule,
                         std::int64_t open_size) {
  if (!rule.declared) return {false, rule.reason};
  if (open_size < 2) return {false, "the model took rows of length 1 only"};
  Prober prober(executor, model, rule);
  for (const std::int64_t shorter : {open_size / 2, std::max<std::int64_t>(1, open_size / 8)}) {
    for (const Trial& trial : kTrials) {
      if (!prober.harmless(trial, shorter, open_size)) return {false, prober.reason()};
    }
  }
  return {true, rule.reason + ", and padding changed no answer"};
}

}  // namespace mlops
