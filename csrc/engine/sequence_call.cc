#include "engine/sequence_call.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "tensor/byte_strings.h"

namespace mlops {
namespace {

using Kind = SequenceControl::Kind;

class IdleRow final : public Pending {
 public:
  explicit IdleRow(Request&& of) { request = std::move(of); }

 private:
  void deliver(Response&&) noexcept override {}
};

template <class T>
Tensor one_number(const ControlTensor& control, T value) {
  Tensor tensor{control.dtype, control.shape, {}, allocate_buffer(sizeof value)};
  if (!tensor.owner) return tensor;
  std::memcpy(tensor.owner->data(), &value, sizeof value);
  tensor.bytes = writable(tensor.owner).first(sizeof value);
  return tensor;
}

Tensor one_string(const ControlTensor& control, const std::string& value) {
  std::string packed;
  append_byte_string(packed, value);
  Tensor tensor{control.dtype, control.shape, {}, allocate_buffer(packed.size())};
  if (!tensor.owner) return tensor;
  packed.copy(reinterpret_cast<char*>(tensor.owner->data()), packed.size());
  tensor.bytes = writable(tensor.owner).first(packed.size());
  return tensor;
}

template <class T>
Result<Tensor> fitting_number(const ControlTensor& control, std::uint64_t id) {
  if (id <= static_cast<std::uint64_t>(std::numeric_limits<T>::max())) {
    return one_number(control, static_cast<T>(id));
  }
  return Status::invalid_argument("sequence id " + std::to_string(id) +
                                  " does not fit the model's " +
                                  std::string(kserve_name(control.dtype)) + " correlation id");
}

const Tensor& flag_tensor(const ControlTensor& control, bool value) {
  return value ? control.value_true : control.value_false;
}

bool control_value(Kind kind, const SequenceStep& step) {
  if (kind == Kind::start) return step.mark.start;
  return kind == Kind::end ? step.mark.end : true;  // ready
}

}  // namespace

Result<Tensor> correlation_tensor(const ControlTensor& control, const SequenceId& id) {
  const auto* text = std::get_if<std::string>(&id);
  const bool wants_text = control.dtype == DType::bytes;
  if ((text != nullptr) != wants_text) {
    return Status::invalid_argument(
        wants_text ? "the model's sequences have string ids, got a number"
                   : "the model's sequences have numbers as ids, got a string");
  }
  if (text) return one_string(control, *text);
  const std::uint64_t number = std::get<std::uint64_t>(id);
  switch (control.dtype) {
    case DType::i64:
      return fitting_number<std::int64_t>(control, number);
    case DType::u32:
      return fitting_number<std::uint32_t>(control, number);
    case DType::i32:
      return fitting_number<std::int32_t>(control, number);
    default:
      return one_number(control, number);
  }
}

SequenceCall::SequenceCall(const SequencePlan& plan, SequenceStep&& step, SequenceStates& states,
                           CopyMeter& copies)
    : plan_(plan), step_(std::move(step)), states_(states), copies_(copies) {
  const Request& from = step_.pending->request;
  submitted_at = step_.pending->submitted_at;
  request.model = from.model;
  request.version = from.version;
  request.id = from.id;
  request.deadline = from.deadline;
  request.inputs = from.inputs;
  request.outputs = from.outputs;
  for (const ControlTensor& control : plan.controls) {
    Tensor tensor = control.kind == Kind::correlation_id
                        // Checked when the request came.
                        ? *correlation_tensor(control, step_.mark.id)
                        : flag_tensor(control, control_value(control.kind, step_));
    request.inputs.push_back({control.name, std::move(tensor)});
  }
  if (step_.first_here || states_.empty()) {
    states_.clear();
    for (const StateTensor& state : plan.states) states_.push_back(state.initial);
  }
  for (std::size_t i = 0; i < plan.states.size(); ++i) {
    request.inputs.push_back({plan.states[i].input, states_[i]});
    if (!from.outputs.empty()) request.outputs.push_back(plan.states[i].output);
  }
}

// The state lives on while the batch's memory should not: it is copied out.
bool SequenceCall::keep_states(Response& response) noexcept {
  SequenceStates kept;
  for (const StateTensor& state : plan_.states) {
    const auto found = std::ranges::find(response.outputs, state.output, &NamedTensor::name);
    if (found == response.outputs.end()) return false;
    const Tensor& made = found->tensor;
    Tensor copy{made.dtype, made.shape, {}, allocate_buffer(made.bytes.size())};
    if (!copy.owner) return false;
    std::ranges::copy(made.bytes, copy.owner->data());
    copy.bytes = writable(copy.owner).first(made.bytes.size());
    copies_.add(CopySite::small_output, made.bytes.size());
    kept.push_back(std::move(copy));
    response.outputs.erase(found);
  }
  states_ = std::move(kept);
  return true;
}

void SequenceCall::deliver(Response&& response) noexcept {
  if (response.status.ok() && !keep_states(response)) {
    step_.pending->fail(Status::resource_exhausted("no memory for the state of the sequence"));
    return;
  }
  step_.pending->complete(std::move(response));
}

PendingRef make_idle_row(const SequencePlan& plan, const Request& like) {
  Request row;
  row.model = like.model;
  row.inputs = like.inputs;
  row.outputs = like.outputs;
  for (const ControlTensor& control : plan.controls) {
    const auto input = std::ranges::find(row.inputs, control.name, &NamedTensor::name);
    if (control.kind != Kind::correlation_id) {
      input->tensor = control.value_false;
      continue;
    }
    const SequenceId none =
        control.dtype == DType::bytes ? SequenceId(std::string()) : SequenceId(std::uint64_t{0});
    input->tensor = *correlation_tensor(control, none);
  }
  auto idle = make_ref<IdleRow>(std::move(row));
  idle->cancel();  // it waits for nothing
  return idle;
}

}  // namespace mlops
