#pragma once
// Which graphs are left to ONNX Runtime whatever OpenVINO says: those in which OpenVINO (2026.4)
// was seen to follow the values of a request out of its memory, to answer what was in memory
// before, or not to end. Reads the ONNX file, not the library. Stateless; blocks on disk.

#include <string>

#include "base/status.h"
#include "tensor/signature.h"

namespace mlops {

// unimplemented, and why, for a graph that OpenVINO should not run.
Status check_openvino_limits(const std::string& path, const Signature& signature);

}  // namespace mlops
