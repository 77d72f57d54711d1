#pragma once
// The generate extension: one flat JSON object in, one flat JSON object per response out. Keys that
// name an input of the model are its data, a scalar or a flat list; all others are parameters. What
// stands in "parameters" is treated as if it stood outside.
//
// Thread-safety: pure functions. Nothing blocks.

#include <span>
#include <string>

#include "engine/engine.h"
#include "protocol/http_infer.h"

namespace mlops {

// `body` lies inside `owner`, which the request keeps alive; an empty body is an empty object.
// After an error call.request.id holds the id when it was read.
Status decode_generate(Buffer owner, std::span<const std::byte> body, const ModelInfo& model,
                       const DecodeLimits& limits, CopyMeter& copies, HttpInferCall& call);

// The shape of an input given as `count` values: fixed dims take their share, the innermost open
// one the rest, other open ones are 1. nullopt when that does not come out even.
std::optional<Shape> generate_shape(const TensorSpec& spec, std::int64_t count);

// `response.status` must be ok. A tensor with one element becomes a scalar, any other a flat list.
Result<std::string> encode_generate(const Response& response);

}  // namespace mlops
