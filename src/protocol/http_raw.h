#pragma once
// Raw binary requests: the whole HTTP body is the one input of the model, described by nothing.
// Thread-safety: pure functions.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/http_infer.h"

namespace mlops {

// Inference-Header-Content-Length as a number within the body, or the error that Triton words.
Result<std::size_t> parse_header_length(std::string_view text, std::size_t body_size);

Status decode_raw_binary(std::span<const std::byte> body, const ModelInfo* model,
                         const DecodeLimits& limits, CopyMeter& copies, HttpInferCall& call);

}  // namespace mlops
