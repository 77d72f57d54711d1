#include "execute/ort_executor.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>

#include "execute/division_guard.h"
#include "execute/ort_status.h"
#include "execute/ort_strings.h"

namespace mlops {
namespace {

// Kernels are compiled for naturally aligned elements: vectorised loops may fault on others.
// Tensors that follow each other in a request body need not be aligned.
bool is_aligned(const Tensor& tensor) {
  const std::size_t size = size_of(tensor.dtype);
  return size <= 1 || reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % size == 0;
}

}  // namespace

OrtExecutor::OrtExecutor(std::shared_ptr<const OrtModel> model, CopyMeter* copies, LogSink& log)
    : model_(std::move(model)),
      copies_(copies),
      log_(log),
      input_views_(model_->signature.inputs.size()),
      strings_(model_->signature.inputs.size()),
      realigned_(model_->signature.inputs.size()),
      input_values_(model_->signature.inputs.size()),
      output_views_(model_->signature.outputs.size()),
      doubts_(model_->signature.outputs.size(), kDoubtedRuns) {
  wanted_names_.reserve(output_views_.size());
  wanted_values_.reserve(output_views_.size());
  preallocated_.reserve(output_views_.size());
  made_.reserve(output_views_.size());
}

Result<std::unique_ptr<Executor>> OrtExecutor::make(std::shared_ptr<const OrtModel> model,
                                                    CopyMeter* copies, LogSink& log) {
  try {
    const OrtApi& api = model->api;
    std::unique_ptr<OrtExecutor> executor(new OrtExecutor(std::move(model), copies, log));
    OrtStatus* status = mlops::make(executor->run_options_, api,
                                    [&](OrtRunOptions** out) { return api.CreateRunOptions(out); });
    if (Status s = ort_failure(api, status); !s.ok()) return s;
    // What goes wrong in a run is in its Status. If it were logged too, a client with bad requests
    // could fill the log.
    status =
        api.RunOptionsSetRunLogSeverityLevel(executor->run_options_.get(), ORT_LOGGING_LEVEL_FATAL);
    if (Status s = ort_failure(api, status); !s.ok()) return s;
    return std::unique_ptr<Executor>(std::move(executor));
  } catch (const std::bad_alloc&) {
    return Status::resource_exhausted("no memory for one more executor");
  }
}

void OrtExecutor::interrupt() {
  // Fails for a null argument only. ONNX Runtime reads the flag between operators, in loops too.
  const OrtApi& api = model_->api;
  static_cast<void>(ort_failure(api, api.RunOptionsSetTerminate(run_options_.get())));
}

Status OrtExecutor::run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) {
  Status status;
  try {
    status = run_or_throw(inputs, outputs);
  } catch (const std::bad_alloc&) {
    status = Status::resource_exhausted("out of memory while running the model");
  }
  if (holds_copies_) drop_copies();
  return status;
}

Status OrtExecutor::run_or_throw(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) {
  if (inputs.size() != input_views_.size() || outputs.size() != output_views_.size()) {
    return Status::internal("a model was run with the wrong number of tensors");
  }
  if (Status s = bind_inputs(inputs); !s.ok()) return s;
  if (Status s = bind_outputs(outputs); !s.ok()) return s;
  if (wanted_names_.empty()) return {};
  const DivisionWatch divisions(model_->runs_on_own_threads ? DivisionWatch::Scope::all_threads
                                                            : DivisionWatch::Scope::this_thread);
  OrtStatus* failure = run_session();
  if (failure && give_up_preallocation(failure)) {
    static_cast<void>(ort_run_failure(model_->api, failure));
    if (Status s = bind_outputs(outputs); !s.ok()) return s;
    failure = run_session();
  }
  if (failure) return ort_run_failure(model_->api, failure);
  if (Status s = collect(inputs, outputs); !s.ok() || !divisions.refused_any()) return s;
  return Status::invalid_argument(
      "the model divides an integer by zero, or the lowest integer by -1, for this input");
}

Status OrtExecutor::bind_inputs(std::span<const Tensor> inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (Status s = bind_input(i, inputs[i]); !s.ok()) {
      return {s.code(), "input '" + model_->signature.inputs[i].name + "': " + s.message()};
    }
  }
  return {};
}

Status OrtExecutor::bind_input(std::size_t index, const Tensor& input) {
  if (input.dtype == DType::bytes) {
    Result<OrtValueHandle> value = string_tensor_to_ort(model_->api, input, copies_);
    if (!value.ok()) return value.status();
    holds_copies_ = true;
    strings_[index] = *std::move(value);
    input_values_[index] = strings_[index].get();
    return {};
  }
  OrtTensorView& view = input_views_[index];
  if (is_aligned(input)) {
    if (Status s = view.point_to(*model_, input); !s.ok()) return s;
  } else {
    Tensor aligned{input.dtype, input.shape, {}, allocate_buffer(input.bytes.size())};
    if (!aligned.owner) return Status::resource_exhausted("no memory to align it");
    std::memcpy(aligned.owner->data(), input.bytes.data(), input.bytes.size());
    if (copies_) copies_->add(CopySite::gather, input.bytes.size());
    aligned.bytes = writable(aligned.owner);
    holds_copies_ = true;
    realigned_[index] = aligned.owner;
    if (Status s = view.point_to(*model_, aligned); !s.ok()) return s;
  }
  input_values_[index] = view.get();
  return {};
}

Status OrtExecutor::bind_outputs(std::span<const OutputSlot> outputs) {
  wanted_names_.clear();
  wanted_values_.clear();
  preallocated_.clear();
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const OutputSlot& slot = outputs[i];
    if (!slot.wanted) continue;
    OrtValue* value = nullptr;
    // Scalars are no gain, and ONNX Runtime confuses them with other shapes of one element.
    if (preallocate_ && slot.tensor.owner && model_->writes_in_place[i] &&
        slot.tensor.shape.rank() > 0) {
      if (Status s = output_views_[i].point_to(*model_, slot.tensor); !s.ok()) return s;
      value = output_views_[i].get();
    }
    wanted_names_.push_back(model_->output_names[i]);
    wanted_values_.push_back(value);
    preallocated_.push_back(value != nullptr);
  }
  return {};
}

OrtStatus* OrtExecutor::run_session() {
  return model_->api.Run(model_->session.get(), run_options_.get(), model_->input_names.data(),
                         input_values_.data(), input_values_.size(), wanted_names_.data(),
                         wanted_names_.size(), wanted_values_.data());
}

// A graph may promise [batch, 4] and make [1, 4]. ONNX Runtime refuses to write that into memory of
// the promised shape, but serves it when it allocates.
bool OrtExecutor::give_up_preallocation(const OrtStatus* failure) {
  if (std::ranges::find(preallocated_, char{1}) == preallocated_.end()) return false;
  if (!is_refused_preallocation(model_->api.GetErrorMessage(failure))) return false;
  preallocate_ = false;
  log_.log(Severity::warning,
           "a model makes an output of another shape than it declares, so its outputs are "
           "allocated in each run from now on: " +
               shorten_ort_message(model_->api.GetErrorMessage(failure)));
  return true;
}

// ONNX Runtime accepts [1, 1] for a scalar result and then changes the shape in place. Asking costs
// as much as all else around a run, so an output that has kept its declared shape often enough is
// believed; one that has not is asked for ever.
Status OrtExecutor::check_one_element(std::size_t index, Tensor& out) {
  OrtTensorView& view = output_views_[index];
  const Result<Shape> shape = ort_shape(model_->api, view.get());
  if (!shape.ok()) return shape.status();
  if (*shape == out.shape) {
    if (doubts_[index] != kAlwaysDoubted) --doubts_[index];
    return {};
  }
  doubts_[index] = kAlwaysDoubted;
  out.shape = *shape;
  view.reset();
  return {};
}

Status OrtExecutor::collect(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) {
  // All are owned before anything here can fail.
  made_.clear();
  for (std::size_t w = 0; w < wanted_values_.size(); ++w) {
    made_.emplace_back(preallocated_[w] ? nullptr : wanted_values_[w],
                       OrtValueHandle::deleter_type{&model_->api});
  }
  std::size_t w = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].wanted) continue;
    OrtValueHandle made = std::move(made_[w++]);
    Tensor& out = outputs[i].tensor;
    Status status;
    if (made) {
      status = take_ort_output(model_, std::move(made), inputs, copies_, out);
    } else if (out.bytes.size() == size_of(out.dtype) && doubts_[i] > 0) {
      status = check_one_element(i, out);
    }
    if (!status.ok()) return status;
  }
  return {};
}

void OrtExecutor::drop_copies() {
  for (OrtValueHandle& value : strings_) value.reset();
  for (Buffer& buffer : realigned_) buffer = nullptr;
  holds_copies_ = false;
}

}  // namespace mlops
