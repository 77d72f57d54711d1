#pragma once
// Tensors on the border to ONNX Runtime: ours lent to it for a run, its own taken over after one.

#include <memory>
#include <span>

#include "base/status.h"
#include "execute/ort_model.h"
#include "tensor/copy_meter.h"
#include "tensor/tensor.h"

namespace mlops {

// An OrtValue over somebody else's memory, remade only when the memory or its description changes.
// Holding a stale one is harmless: it is neither read nor written outside of a run.
class OrtTensorView {
 public:
  // `tensor` is dense and aligned for its element type; its bytes may be null when it is empty.
  Status point_to(const OrtModel& model, const Tensor& tensor);
  OrtValue* get() const { return value_.get(); }
  void reset() { value_.reset(); }

 private:
  OrtValueHandle value_;
  std::span<const std::byte> bytes_;
  DType dtype_ = DType::f32;
  Shape shape_;
};

// The shape that a value has now.
Result<Shape> ort_shape(const OrtApi& api, const OrtValue* value);

// Makes `out` the tensor that a run of `model` over `inputs` made. Strings are converted;
// everything else stays where it is, unless it is memory of an input, which is only valid during
// the run.
Status take_ort_output(const std::shared_ptr<const OrtModel>& model, OrtValueHandle value,
                       std::span<const Tensor> inputs, CopyMeter* copies, Tensor& out);

}  // namespace mlops
