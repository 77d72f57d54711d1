#pragma once
// The `data` array of a JSON input, nested to any depth, flattened into the engine's dense layout
// in one pass without a copy of any element on the way. Thread-safety: pure function.

#include <string_view>

#include "base/status.h"
#include "protocol/decode_limits.h"
#include "protocol/json_cursor.h"
#include "tensor/copy_meter.h"
#include "tensor/tensor.h"

namespace mlops {

// `json` stands at the array and is left behind it. tensor.dtype and tensor.shape must be set and
// the shape checked; bytes and owner are filled in. Memory is bounded by the text: a large shape
// with little data fails without being believed. FP16 and BF16 have no JSON form and are refused.
Status read_json_data(JsonCursor& json, std::string_view input, const DecodeLimits& limits,
                      CopyMeter& copies, Tensor& tensor);

}  // namespace mlops
