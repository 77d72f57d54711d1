// ModelInferRequest and ModelInferResponse of the KServe v2 gRPC protocol, encoded and read by
// hand.
//
// Written from the protocol's field numbers, apart from the server's code: two independent readings
// of one specification that have to agree.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "loadgen/http_request.h"
#include "loadgen/payload.h"

namespace mlops::loadgen {

// The length-prefixed gRPC message: 1 byte of flags, 4 of length, then the request with
// raw_input_contents.
std::string encode_grpc_request(const ModelRef& model, const Payload& payload, std::size_t row);

// All raw_output_contents of a length-prefixed ModelInferResponse, one after the other. Nothing
// when malformed, compressed, or when bytes follow the message.
std::optional<std::string> grpc_output_bytes(std::span<const char> framed);

}  // namespace mlops::loadgen
