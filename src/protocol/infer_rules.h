#pragma once
// What HTTP and gRPC infer requests have in common after their bytes are understood: the shape of
// an input, reserved parameters, outputs asked for twice. Texts are Triton's where clients look for
// them.

#include <cstdint>
#include <string_view>

#include "base/status.h"
#include "protocol/decode_limits.h"
#include "request/request.h"
#include "tensor/shape.h"

namespace mlops {

enum class InferDoor : std::uint8_t { http, grpc };

// Refuses negative dims and element counts that do not fit int64.
Status check_input_shape(std::string_view input, const Shape& shape);
Status too_many_dims(std::string_view input);
Status unknown_datatype(std::string_view input, std::string_view datatype);

// Takes one request parameter: `timeout` into timeout_us, others are checked where reserved and
// then kept in request.parameters.
Status take_parameter(InferDoor door, Parameter&& parameter, const DecodeLimits& limits,
                      Request& request, std::uint64_t& timeout_us);

Status check_outputs_distinct(const Request& request);
Status check_name(std::string_view what, std::string_view name, const DecodeLimits& limits);

}  // namespace mlops
