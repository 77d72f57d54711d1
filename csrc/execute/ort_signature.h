#pragma once
// The signature of a session: what ONNX Runtime says about its inputs and outputs, in our types.

#include <onnxruntime_c_api.h>

#include <optional>
#include <set>
#include <string>

#include "base/status.h"
#include "tensor/signature.h"

namespace mlops {

std::optional<DType> dtype_from_ort(ONNXTensorElementDataType type);
ONNXTensorElementDataType ort_from_dtype(DType dtype);

// `shapeless` names the tensors for which the file declares no shape: the C API reports them as
// scalars. unimplemented for what is no tensor or has an element type that KServe cannot name.
Result<Signature> read_ort_signature(const OrtApi& api, const OrtSession& session,
                                     const std::set<std::string>& shapeless);

}  // namespace mlops
