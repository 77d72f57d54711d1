#pragma once
// Byte strings between our layout (tensor/byte_strings.h) and ONNX Runtime's string tensors. Both
// ways every byte survives, NUL included.

#include <onnxruntime_c_api.h>

#include "base/status.h"
#include "execute/ort_handles.h"
#include "tensor/copy_meter.h"
#include "tensor/tensor.h"

namespace mlops {

// invalid_argument when the bytes do not hold exactly as many elements as the shape says.
Result<OrtValueHandle> string_tensor_to_ort(const OrtApi& api, const Tensor& input,
                                            CopyMeter* copies);

// A buffer in our layout of the `elements` strings of `value`.
Result<Buffer> string_tensor_from_ort(const OrtApi& api, const OrtValue* value,
                                      std::size_t elements, CopyMeter* copies);

}  // namespace mlops
