#pragma once
// A quantized network of dense layers executed by us (ADR 80): the file's own bytes, in tiles of
// AMX. What is served is what ONNX Runtime answers: it loads and checks the file first, and its
// signature is the model's.

#include <memory>
#include <string>

#include "execute/backend.h"
#include "gemm/layer_kernel.h"

namespace mlops {

// `loaded` is the file at `path` under ONNX Runtime, which is not changed. unimplemented, with the
// reason, where the file is something else.
Result<std::unique_ptr<Backend>> load_byte_backend(const std::string& path, const Backend& loaded,
                                                   LayerKernel kernel);

}  // namespace mlops
