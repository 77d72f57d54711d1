#include "model/sequence_plan.h"

#include <algorithm>
#include <cstring>
#include "base/in_quotes.h"

namespace mlops {
namespace {

Status wrong_sequence(std::string text) {
  return Status::invalid_argument("sequence_batching: " + std::move(text));
}

template <class T>
Tensor filled(DType dtype, const Shape& shape, T value) {
  Tensor tensor{dtype, shape, {}, allocate_buffer(sizeof value)};
  if (!tensor.owner) return tensor;
  std::memcpy(tensor.owner->data(), &value, sizeof value);
  tensor.bytes = writable(tensor.owner).first(sizeof value);
  return tensor;
}

DType control_dtype(const SequenceControl& control) {
  if (control.kind == SequenceControl::Kind::correlation_id) {
    return control.dtype.value_or(DType::u64);
  }
  if (!control.int32_false_true.empty()) return DType::i32;
  return control.fp32_false_true.empty() ? DType::boolean : DType::f32;
}

Status check_correlation_dtype(const std::string& name, DType dtype) {
  constexpr DType kAllowed[] = {DType::u64, DType::i64, DType::u32, DType::i32, DType::bytes};
  if (std::ranges::count(kAllowed, dtype) > 0) return {};
  return wrong_sequence("control input " + in_quotes(name) +
                        " for the correlation id must be UINT64, INT64, UINT32, INT32 or STRING");
}

Result<ControlTensor> make_control(const std::string& name, const SequenceControl& control,
                                   bool batched) {
  ControlTensor made;
  made.name = name;
  made.kind = control.kind;
  made.dtype = control_dtype(control);
  made.shape = batched ? Shape{1, 1} : Shape{1};
  if (control.kind == SequenceControl::Kind::correlation_id) {
    if (Status s = check_correlation_dtype(name, made.dtype); !s.ok()) return s;
    return made;
  }
  for (const bool value : {false, true}) {
    Tensor& tensor = value ? made.value_true : made.value_false;
    if (made.dtype == DType::i32) {
      tensor = filled(made.dtype, made.shape, control.int32_false_true[value ? 1 : 0]);
    } else if (made.dtype == DType::f32) {
      tensor = filled(made.dtype, made.shape, control.fp32_false_true[value ? 1 : 0]);
    } else {
      tensor = filled<bool>(made.dtype, made.shape, control.bool_false_true[value ? 1 : 0]);
    }
    if (!tensor.owner) return Status::resource_exhausted("no memory for sequence controls");
  }
  return made;
}

// Zeroes of the state's shape; a dim that is open begins as 1, or as the initial state has it.
Result<Tensor> make_initial(const SequenceState& state, const TensorSpec& spec, bool batched) {
  const SequenceInitialState* given = state.initial.empty() ? nullptr : &state.initial.front();
  if (state.initial.size() > 1 || (given && !given->zero)) {
    return Status::unimplemented("sequence_batching: the initial state of " +
                                 in_quotes(state.input_name) +
                                 " must be absent or zero_data; files are not supported");
  }
  Tensor initial{spec.dtype, batched ? Shape{1} : Shape{}, {}, nullptr};
  const auto& dims = given ? given->dims : state.dims;
  for (const std::int64_t size : dims) {
    if (!initial.shape.push_back(size == kAnySize ? 1 : size))
      return wrong_sequence("too many dims");
  }
  const auto elements = initial.shape.elements();
  if (!elements)
    return wrong_sequence("the state " + in_quotes(state.input_name) + " has no valid shape");
  // An empty string is its four bytes of length.
  const std::size_t size =
      static_cast<std::size_t>(*elements) * (spec.dtype == DType::bytes ? 4 : size_of(spec.dtype));
  initial.owner = allocate_buffer(size);
  if (!initial.owner) return Status::resource_exhausted("no memory for the initial state");
  initial.bytes = writable(initial.owner).first(size);
  std::memset(initial.owner->data(), 0, size);
  return initial;
}

template <class Named>
bool names(const std::vector<Named>& list, const std::string Named::*name,
           const std::string& wanted) {
  return std::ranges::any_of(list, [&](const Named& one) { return one.*name == wanted; });
}

Status plan_controls(const SequenceBatching& config, const Signature& model, bool batched,
                     SequencePlan& plan) {
  for (const SequenceControlInput& input : config.control_inputs) {
    const auto index = model.input_index(input.name);
    if (!index) return wrong_sequence("the model has no control input " + in_quotes(input.name));
    if (input.controls.size() != 1) {
      return wrong_sequence("control input " + in_quotes(input.name) +
                            " must have exactly one control");
    }
    Result<ControlTensor> control = make_control(input.name, input.controls.front(), batched);
    if (!control.ok()) return control.status();
    if (control->dtype != model.inputs[*index].dtype) {
      return wrong_sequence("control input " + in_quotes(input.name) + " is " +
                            std::string(kserve_name(control->dtype)) + " here and " +
                            std::string(kserve_name(model.inputs[*index].dtype)) + " in the model");
    }
    plan.controls.push_back(*std::move(control));
  }
  return {};
}

Status plan_states(const SequenceBatching& config, const Signature& model, bool batched,
                   SequencePlan& plan) {
  for (const SequenceState& state : config.states) {
    const auto input = model.input_index(state.input_name);
    const auto output = model.output_index(state.output_name);
    if (!input || !output) {
      return wrong_sequence("the model lacks the state " +
                            in_quotes(input ? state.output_name : state.input_name));
    }
    const DType dtype = model.inputs[*input].dtype;
    if (dtype != model.outputs[*output].dtype || (state.dtype && *state.dtype != dtype)) {
      return wrong_sequence("the state " + in_quotes(state.input_name) + " is " +
                            std::string(kserve_name(dtype)) +
                            " in the model, and must be so everywhere");
    }
    Result<Tensor> initial = make_initial(state, model.inputs[*input], batched);
    if (!initial.ok()) return initial.status();
    plan.states.push_back({state.input_name, state.output_name, *std::move(initial)});
  }
  return {};
}

TensorSpec declared(const std::string& name, DType dtype, std::vector<std::int64_t> dims,
                    bool batched) {
  TensorSpec spec;
  spec.name = name;
  spec.dtype = dtype;
  if (batched) dims.insert(dims.begin(), kAnySize);
  spec.symbols.resize(dims.size());
  spec.dims = std::move(dims);
  return spec;
}

}  // namespace

Result<SequencePlan> plan_sequences(const SequenceBatching& config, const Signature& model,
                                    bool batched) {
  SequencePlan plan;
  if (Status s = plan_controls(config, model, batched, plan); !s.ok()) return s;
  if (Status s = plan_states(config, model, batched, plan); !s.ok()) return s;
  for (const TensorSpec& spec : model.inputs) {
    const bool ours = names(plan.controls, &ControlTensor::name, spec.name) ||
                      names(plan.states, &StateTensor::input, spec.name);
    if (!ours) plan.client.inputs.push_back(spec);
  }
  for (const TensorSpec& spec : model.outputs) {
    if (!names(plan.states, &StateTensor::output, spec.name)) plan.client.outputs.push_back(spec);
  }
  return plan;
}

Status add_sequence_tensors(const SequenceBatching& config, bool batched, Signature& signature) {
  for (const SequenceControlInput& input : config.control_inputs) {
    if (input.controls.size() != 1) {
      return wrong_sequence("control input " + in_quotes(input.name) +
                            " must have exactly one control");
    }
    signature.inputs.push_back(
        declared(input.name, control_dtype(input.controls.front()), {1}, batched));
  }
  for (const SequenceState& state : config.states) {
    if (!state.dtype)
      return wrong_sequence("the state " + in_quotes(state.input_name) + " needs a data_type");
    signature.inputs.push_back(declared(state.input_name, *state.dtype, state.dims, batched));
    signature.outputs.push_back(declared(state.output_name, *state.dtype, state.dims, batched));
  }
  return {};
}

}  // namespace mlops
