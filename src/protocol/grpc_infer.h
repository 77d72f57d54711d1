#pragma once
// inference.GRPCInferenceService/ModelInfer and ModelStreamInfer: the hot messages, parsed by hand
// over the received bytes. grpc_cold.h has every other message through generated code; a fuzz
// target keeps the two equal.
//
// Thread-safety: pure functions. Nothing blocks.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "protocol/decode_limits.h"
#include "protocol/output_plan.h"
#include "request/request.h"
#include "tensor/buffer.h"
#include "tensor/copy_meter.h"

namespace mlops {

struct GrpcInferCall {
  Request request;
  OutputPlan outputs;
  std::uint64_t timeout_us = 0;  // the `timeout` parameter; 0: none. For Request::timeout_us.
  SharedMemory* shared_memory = nullptr;  // set by the caller; null: there are no regions
};

// `message` is one ModelInferRequest without the five-byte gRPC prefix and lies inside `owner`,
// which the request keeps alive: names and raw_input_contents are views into it. Typed contents are
// written into one buffer per tensor. After an error call.request.id holds the id when it was read.
Status decode_grpc_infer(Buffer owner, std::span<const std::byte> message,
                         const DecodeLimits& limits, CopyMeter& copies, GrpcInferCall& call);

// A ModelInferResponse as a sequence to be gathered by the transport without copying tensors:
//   text[0, pieces[0].text_end) pieces[0].tensor text[pieces[0].text_end, pieces[1].text_end) ...
// and then the rest of text. The text begins with the five-byte gRPC prefix (not compressed, length
// filled in), so the pieces are a complete length-prefixed message of `size` bytes.
struct GrpcInferReply {
  struct Piece {
    std::size_t text_end = 0;
    Tensor tensor;  // holds its owner
  };
  std::string text;
  std::vector<Piece> pieces;
  std::size_t size = 0;

  void clear();  // keeps memory that is not unusually much
};

inline constexpr std::size_t kGrpcPrefixBytes = 5;

// `response` must be ok and have been through finish_outputs(). Outputs always travel in
// raw_output_contents. Fails only when the message would exceed what protobuf can carry (2 GiB).
Result<GrpcInferReply> encode_grpc_infer(const Response& response);
// Into a reply that is clear.
Status encode_grpc_infer(const Response& response, GrpcInferReply& reply);

// A ModelStreamInferResponse: the response, marked with whether it is the last of its request, or,
// when `response.status` is not ok, its message and which request it is about.
Result<GrpcInferReply> encode_grpc_stream_infer(Response&& response, bool last);

}  // namespace mlops
