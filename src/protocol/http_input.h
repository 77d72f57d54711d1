#pragma once
// One element of `inputs` in an infer request's JSON.

#include <cstddef>
#include <optional>

#include "base/status.h"
#include "protocol/decode_limits.h"
#include "protocol/json_cursor.h"
#include "protocol/shared_memory.h"
#include "request/request.h"
#include "tensor/copy_meter.h"

namespace mlops {

// Adds one input to request.inputs from the object that `json` stands at. binary_size is set when
// its bytes follow the JSON; then tensor.bytes is still empty. `memory` may be null: no regions.
Status read_http_input(JsonCursor& json, const DecodeLimits& limits, CopyMeter& copies,
                       SharedMemory* memory, Request& request,
                       std::optional<std::size_t>& binary_size);

}  // namespace mlops
