#pragma once
// InferTensorContents, the typed form of gRPC tensor data, into the engine's dense layout.
// Thread-safety: pure function.

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "protocol/decode_limits.h"
#include "protocol/wire_reader.h"
#include "tensor/copy_meter.h"
#include "tensor/tensor.h"

namespace mlops {

// `pieces` are the encoded occurrences of one `contents` field: protobuf merges them by appending.
// tensor.dtype must be set; bytes and owner are filled in. One packed run of fp32 or fp64 is used
// where it lies (a view); anything else is written into a buffer and counted as grpc_contents.
// Integers that the tensor's type cannot hold are refused, not truncated.
Status read_grpc_contents(std::span<const WireReader> pieces, std::string_view input,
                          const DecodeLimits& limits, CopyMeter& copies, Tensor& tensor);

}  // namespace mlops
