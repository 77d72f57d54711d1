#include "execute/ort_values.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "execute/ort_signature.h"
#include "execute/ort_status.h"
#include "execute/ort_strings.h"

namespace mlops {
namespace {

// What an empty tensor points to: the C API refuses null even where there is nothing to read.
alignas(64) std::byte g_nothing[64];

class OrtValueBlock final : public BufferBlock {
 public:
  OrtValueBlock(std::span<std::byte> bytes, OrtValueHandle value,
                std::shared_ptr<const OrtModel> model)
      : BufferBlock(bytes.data(), bytes.size()),
        model_(std::move(model)),
        value_(std::move(value)) {}

 private:
  std::shared_ptr<const OrtModel> model_;
  OrtValueHandle value_;  // goes before the model does
};

bool is_input_memory(std::span<const std::byte> bytes, std::span<const Tensor> inputs) {
  return std::ranges::any_of(inputs, [bytes](const Tensor& input) {
    return bytes.data() < input.bytes.data() + input.bytes.size() &&
           input.bytes.data() < bytes.data() + bytes.size();
  });
}

Result<OrtTensorInfoHandle> tensor_info(const OrtApi& api, const OrtValue* value) {
  OrtTensorInfoHandle info;
  OrtStatus* status = make(info, api, [&](OrtTensorTypeAndShapeInfo** out) {
    return api.GetTensorTypeAndShape(value, out);
  });
  if (Status s = ort_failure(api, status); !s.ok()) return s;
  return info;
}

Result<Shape> shape_in(const OrtApi& api, const OrtTensorTypeAndShapeInfo* info) {
  std::size_t rank = 0;
  if (Status s = ort_failure(api, api.GetDimensionsCount(info, &rank)); !s.ok()) return s;
  if (rank > kMaxRank) return Status::unimplemented("an output has too many dims");
  std::array<std::int64_t, kMaxRank> dims{};
  if (Status s = ort_failure(api, api.GetDimensions(info, dims.data(), rank)); !s.ok()) return s;
  return *Shape::from({dims.data(), rank});
}

Status describe(const OrtApi& api, const OrtValue* value, Tensor& out) {
  const Result<OrtTensorInfoHandle> info = tensor_info(api, value);
  if (!info.ok()) return info.status();
  ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  if (Status s = ort_failure(api, api.GetTensorElementType(info->get(), &element)); !s.ok()) {
    return s;
  }
  const auto dtype = dtype_from_ort(element);
  if (!dtype) return Status::unimplemented("an output has an element type that cannot be answered");
  const Result<Shape> shape = shape_in(api, info->get());
  if (!shape.ok()) return shape.status();
  out.dtype = *dtype;
  out.shape = *shape;
  return {};
}

Status take_strings(const OrtModel& model, const OrtValue* value, CopyMeter* copies, Tensor& out) {
  const auto elements = static_cast<std::size_t>(out.shape.elements().value_or(0));
  Result<Buffer> buffer = string_tensor_from_ort(model.api, value, elements, copies);
  if (!buffer.ok()) return buffer.status();
  out.owner = *std::move(buffer);
  out.bytes = writable(out.owner);
  return {};
}

}  // namespace

bool OrtTensorView::find(const Tensor& tensor) {
  for (std::size_t i = 0; i < kKept; ++i) {
    const Made& made = made_[i];
    if (made.bytes.data() != tensor.bytes.data() || !made.value) continue;
    if (made.bytes.size() == tensor.bytes.size() && made.dtype == tensor.dtype &&
        made.shape == tensor.shape) {
      current_ = i;
      return true;
    }
  }
  return false;
}

Status OrtTensorView::point_to(const OrtModel& model, const Tensor& tensor) {
  if (find(tensor)) return {};
  // ONNX Runtime itself is content with more bytes than the shape needs.
  if (dense_size(tensor.dtype, tensor.shape) != tensor.bytes.size()) {
    return Status::invalid_argument("shape " + tensor.shape.to_string() + " does not describe " +
                                    std::to_string(tensor.bytes.size()) + " bytes of " +
                                    std::string(kserve_name(tensor.dtype)));
  }
  const OrtApi& api = model.api;
  // Inputs are only read; the C API has one function for both directions, and so no const.
  void* memory = tensor.bytes.empty() ? g_nothing : const_cast<std::byte*>(tensor.bytes.data());
  current_ = next_;
  next_ = (next_ + 1) % kKept;
  Made& made = made_[current_];
  OrtStatus* status = make(made.value, api, [&](OrtValue** out) {
    return api.CreateTensorWithDataAsOrtValue(model.memory_info.get(), memory, tensor.bytes.size(),
                                              tensor.shape.dims().data(), tensor.shape.rank(),
                                              ort_from_dtype(tensor.dtype), out);
  });
  made.bytes = tensor.bytes;
  made.dtype = tensor.dtype;
  made.shape = tensor.shape;
  return ort_run_failure(api, status);
}

Result<Shape> ort_shape(const OrtApi& api, const OrtValue* value) {
  const Result<OrtTensorInfoHandle> info = tensor_info(api, value);
  if (!info.ok()) return info.status();
  return shape_in(api, info->get());
}

Status take_ort_output(const std::shared_ptr<const OrtModel>& model, OrtValueHandle value,
                       std::span<const Tensor> inputs, CopyMeter* copies, Tensor& out) {
  const OrtApi& api = model->api;
  if (Status s = describe(api, value.get(), out); !s.ok()) return s;
  if (out.dtype == DType::bytes) return take_strings(*model, value.get(), copies, out);
  const auto size = dense_size(out.dtype, out.shape);
  void* data = nullptr;
  if (Status s = ort_failure(api, api.GetTensorMutableData(value.get(), &data)); !s.ok()) return s;
  if (!size || (!data && *size > 0)) return Status::internal("an output came without its data");
  const std::span<std::byte> bytes(static_cast<std::byte*>(data), *size);
  if (is_input_memory(bytes, inputs)) {
    out.owner = allocate_buffer(bytes.size());
    if (!out.owner) return Status::resource_exhausted("no memory for an output");
    std::memcpy(out.owner->data(), bytes.data(), bytes.size());
    if (copies) copies->add(CopySite::small_output, bytes.size());
  } else {
    out.owner = make_ref<OrtValueBlock>(bytes, std::move(value), model);
  }
  out.bytes = writable(out.owner);
  return {};
}

}  // namespace mlops
