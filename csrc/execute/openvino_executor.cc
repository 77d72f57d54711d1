#include "execute/openvino_executor.h"

#include <chrono>
#include <cstdint>
#include <cstring>
#include <new>
#include <thread>
#include <utility>

#include "execute/builtin_parts.h"
#include "execute/division_guard.h"

namespace mlops {
namespace {

// What an empty tensor points to: OpenVINO takes no null.
alignas(64) std::byte g_no_bytes[64];

// How often an interrupted run is told so: a run that has just begun may not listen yet.
constexpr int kCancelTries = 100;

bool fits_its_type(const Tensor& tensor) {
  return reinterpret_cast<std::uintptr_t>(tensor.bytes.data()) % size_of(tensor.dtype) == 0;
}

// Which failures of a run are the caller's: the graph was compiled, and shapes that do not go
// together are found only now.
bool is_about_shapes(const std::string& text) {
  for (const char* word : {"hape", "imension", "Incompatible", "incompatible"}) {
    if (text.find(word) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

Result<bool> OpenvinoTensorView::point_to(const OpenvinoApi& api, const Tensor& tensor) {
  for (std::size_t i = 0; i < kKept; ++i) {
    const Made& made = made_[i];
    if (!made.value || made.bytes.data() != tensor.bytes.data() ||
        made.bytes.size() != tensor.bytes.size() || !(made.shape == tensor.shape)) {
      continue;
    }
    return std::exchange(current_, i) != i;
  }
  if (dense_size(tensor.dtype, tensor.shape) != tensor.bytes.size()) {
    return Status::invalid_argument("shape " + tensor.shape.to_string() + " does not describe " +
                                    std::to_string(tensor.bytes.size()) + " bytes of " +
                                    std::string(kserve_name(tensor.dtype)));
  }
  Made& made = made_[next_];
  // Inputs are only read, and dims are copied; the C interface knows no const.
  void* memory = tensor.bytes.empty() ? g_no_bytes : const_cast<std::byte*>(tensor.bytes.data());
  const OpenvinoShape shape{static_cast<std::int64_t>(tensor.shape.rank()),
                            const_cast<std::int64_t*>(tensor.shape.dims().data())};
  const OpenvinoCode code = make(made.value, api.tensor_free, [&](ov_tensor** out) {
    return api.tensor_create_from_host_ptr(openvino_type(tensor.dtype), shape, memory, out);
  });
  if (Status s = openvino_failure(api, code, Code::internal, "OpenVINO takes no such tensor");
      !s.ok()) {
    return s;
  }
  made.bytes = tensor.bytes;
  made.shape = tensor.shape;
  current_ = next_;
  next_ = (next_ + 1) % kKept;
  return true;
}

OpenvinoExecutor::OpenvinoExecutor(std::shared_ptr<OpenvinoModel> model,
                                   std::unique_ptr<OpenvinoLane> lane, CopyMeter* copies)
    : model_(std::move(model)),
      api_(model_->api()),
      lane_(std::move(lane)),
      copies_(copies),
      views_(model_->signature().inputs.size()),
      realigned_(model_->signature().inputs.size()) {}

OpenvinoExecutor::~OpenvinoExecutor() {
  request_.reset();
  model_->give_back(std::move(lane_));
}

Result<std::unique_ptr<Executor>> OpenvinoExecutor::make(std::shared_ptr<OpenvinoModel> model,
                                                         CopyMeter* copies) {
  try {
    Result<std::unique_ptr<OpenvinoLane>> lane = model->take_lane();
    if (!lane.ok()) return lane.status();
    std::unique_ptr<OpenvinoExecutor> executor(
        new OpenvinoExecutor(std::move(model), *std::move(lane), copies));
    const OpenvinoApi& api = executor->api_;
    const OpenvinoCode code =
        mlops::make(executor->request_, api.infer_request_free, [&](ov_infer_request** out) {
          return api.compiled_model_create_infer_request(executor->lane_->compiled.get(), out);
        });
    if (Status s = openvino_failure(api, code, Code::internal, "OpenVINO makes no request");
        !s.ok()) {
      return s;
    }
    return std::unique_ptr<Executor>(std::move(executor));
  } catch (const std::bad_alloc&) {
    return Status::resource_exhausted("no memory for one more executor");
  }
}

Status OpenvinoExecutor::run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) {
  Status status;
  try {
    status = run_or_throw(inputs, outputs);
  } catch (const std::bad_alloc&) {
    status = Status::resource_exhausted("out of memory while running the model");
  }
  for (Buffer& buffer : realigned_) {
    if (buffer) buffer = nullptr;
  }
  return status;
}

Status OpenvinoExecutor::run_or_throw(std::span<const Tensor> inputs,
                                      std::span<OutputSlot> outputs) {
  if (inputs.size() != views_.size() || outputs.size() != lane_->outputs.size()) {
    return Status::internal("a model was run with the wrong number of tensors");
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (Status s = bind_input(i, inputs[i]); !s.ok()) {
      return {s.code(), "input '" + model_->signature().inputs[i].name + "': " + s.message()};
    }
  }
  const DivisionWatch divisions(DivisionWatch::Scope::this_thread);
  if (Status s = infer(); !s.ok()) return s;
  if (divisions.refused_any()) {
    return Status::invalid_argument(
        "the model divides an integer by zero, or the lowest integer by -1, for this input");
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].wanted) continue;
    if (Status s = take_output(i, outputs[i]); !s.ok()) return s;
  }
  return {};
}

Status OpenvinoExecutor::bind_input(std::size_t index, const Tensor& input) {
  if (input.dtype != model_->signature().inputs[index].dtype) {
    return Status::internal("a model was run with another element type");
  }
  Tensor aligned = input;
  if (!fits_its_type(input)) {
    aligned.owner = allocate_buffer(input.bytes.size());
    if (!aligned.owner) return Status::resource_exhausted("no memory to align it");
    std::memcpy(aligned.owner->data(), input.bytes.data(), input.bytes.size());
    if (copies_) copies_->add(CopySite::gather, input.bytes.size());
    aligned.bytes = writable(aligned.owner);
    realigned_[index] = aligned.owner;
  }
  const Result<bool> changed = views_[index].point_to(api_, aligned);
  if (!changed.ok()) return changed.status();
  if (!*changed) return {};
  const OpenvinoCode code = api_.infer_request_set_tensor_by_const_port(
      request_.get(), lane_->inputs[index].get(), views_[index].get());
  return openvino_failure(api_, code, Code::invalid_argument, "OpenVINO refuses it");
}

Status OpenvinoExecutor::infer() {
  running_.store(true);
  if (interrupted_.load()) {
    running_.store(false);
    return Status::cancelled("the model was interrupted");
  }
  const OpenvinoCode code = api_.infer_request_infer(request_.get());
  running_.store(false);
  if (code == kOpenvinoOk) return {};
  Status failure = openvino_failure(api_, code, Code::internal, "OpenVINO");
  if (interrupted_.load() || code == kOpenvinoCancelled) {
    return Status::cancelled("the model was interrupted");
  }
  if (failure.code() == Code::internal &&
      (code == kOpenvinoMismatch || is_about_shapes(failure.message()))) {
    return Status::invalid_argument(failure.message());
  }
  return failure;
}

void OpenvinoExecutor::interrupt() {
  interrupted_.store(true);
  for (int i = 0; i < kCancelTries && running_.load(); ++i) {
    static_cast<void>(api_.infer_request_cancel(request_.get()));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

// Copied, not written in place: OpenVINO leaves memory that is smaller than the result untouched
// and says nothing (ADR 25).
Status OpenvinoExecutor::take_output(std::size_t index, OutputSlot& slot) {
  const TensorSpec& spec = model_->signature().outputs[index];
  OpenvinoHandle<ov_tensor> tensor;
  OpenvinoCode code = mlops::make(tensor, api_.tensor_free, [&](ov_tensor** out) {
    return api_.infer_request_get_tensor_by_const_port(request_.get(), lane_->outputs[index].get(),
                                                       out);
  });
  OpenvinoShape dims;
  if (code == kOpenvinoOk) code = api_.tensor_get_shape(tensor.get(), &dims);
  if (Status s = openvino_failure(api_, code, Code::internal, "an output is missing"); !s.ok()) {
    return s;
  }
  const std::optional<Shape> shape =
      dims.rank < 0 ? std::nullopt : Shape::from({dims.dims, static_cast<std::size_t>(dims.rank)});
  api_.shape_free(&dims);
  unsigned type = 0;
  void* data = nullptr;
  const std::optional<std::size_t> size = shape ? dense_size(spec.dtype, *shape) : std::nullopt;
  if (!size || api_.tensor_get_element_type(tensor.get(), &type) != kOpenvinoOk ||
      type != openvino_type(spec.dtype)) {
    return Status::internal("OpenVINO made another output '" + spec.name + "' than declared");
  }
  if (*size > 0 && api_.tensor_data(tensor.get(), &data) != kOpenvinoOk) {
    return Status::internal("an output came without its data");
  }
  std::byte* room = output_room(slot.tensor, spec.dtype, *shape, *size);
  if (!room) return Status::resource_exhausted("no memory for an output");
  if (*size > 0) std::memcpy(room, data, *size);
  if (copies_) copies_->add(CopySite::small_output, *size);
  return {};
}

}  // namespace mlops
