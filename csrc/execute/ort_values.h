#pragma once
// Tensors on the border to ONNX Runtime: ours lent to it for a run, its own taken over after one.

#include <array>
#include <cstddef>
#include <memory>
#include <span>

#include "base/status.h"
#include "execute/ort_model.h"
#include "tensor/copy_meter.h"
#include "tensor/tensor.h"

namespace mlops {

// OrtValues over somebody else's memory, made once for each memory and description among the last
// few: a lane sees its own input memory in some batch sizes, and slabs that come back. Holding a
// stale one is harmless: it is neither read nor written outside of a run.
class OrtTensorView {
 public:
  // `tensor` is dense and aligned for its element type; its bytes may be null when it is empty.
  Status point_to(const OrtModel& model, const Tensor& tensor);
  OrtValue* get() const { return made_[current_].value.get(); }
  void reset() { made_[current_] = {}; }

 private:
  static constexpr std::size_t kKept = 8;
  struct Made {
    OrtValueHandle value;
    std::span<const std::byte> bytes;
    DType dtype = DType::f32;
    Shape shape;
  };

  bool find(const Tensor& tensor);

  std::array<Made, kKept> made_;
  std::size_t current_ = 0;
  std::size_t next_ = 0;  // what is replaced next
};

// The shape that a value has now.
Result<Shape> ort_shape(const OrtApi& api, const OrtValue* value);

// Makes `out` the tensor that a run of `model` over `inputs` made. Strings are converted;
// everything else stays where it is, unless it is memory of an input, which is only valid during
// the run.
Status take_ort_output(const std::shared_ptr<const OrtModel>& model, OrtValueHandle value,
                       std::span<const Tensor> inputs, CopyMeter* copies, Tensor& out);

}  // namespace mlops
