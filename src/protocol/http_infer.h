#pragma once
// KServe v2 infer over HTTP: JSON with optional binary tensors behind it, bytes in and bytes out.
//
// Thread-safety: pure functions. Nothing blocks. Errors are Status values whose text is for the
// client; `out` is unspecified after one, except that out.request.id holds the id when it was read.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "engine/engine.h"
#include "protocol/decode_limits.h"
#include "protocol/output_plan.h"
#include "request/request.h"
#include "tensor/buffer.h"
#include "tensor/copy_meter.h"

namespace mlops {

struct HttpInferCall {
  Request request;  // the caller sets model and version from the URL, before or after decoding
  OutputPlan outputs;
  std::uint64_t timeout_us = 0;  // the `timeout` parameter; 0: none. For Request::timeout_us.
  SharedMemory* shared_memory = nullptr;  // set by the caller; null: there are no regions
};

// `body` is the whole (decompressed) body and lies inside `owner`, which the request keeps alive:
// binary tensors and names are views into it. JSON data is written into one buffer per tensor.
// `header_length` is the value of Inference-Header-Content-Length, unparsed; nullopt when absent.
// "0" asks for a raw binary request, whose shape is deduced from `model`; null is fine otherwise.
// call.request.model is used in messages.
Status decode_http_infer(Buffer owner, std::span<const std::byte> body,
                         std::optional<std::string_view> header_length, const ModelInfo* model,
                         const DecodeLimits& limits, CopyMeter& copies, HttpInferCall& call);

// True when the body cannot be decoded without the ModelInfo.
bool is_raw_binary_request(std::optional<std::string_view> header_length);

// The reply is `json` followed by the bytes of each tensor. With has_binary the transport answers
// Content-Type application/octet-stream and Inference-Header-Content-Length: json.size();
// without, application/json. Tensors hold their owners; nothing points into the Response.
struct HttpInferReply {
  std::string json;
  std::vector<Tensor> binary;
  bool has_binary = false;
  std::string_view arm;      // set by the transport: which one of the model's route; empty: none
  std::int64_t version = 0;  // with an arm
  std::size_t size() const;  // of the whole body
  void clear();              // keeps memory that is not unusually much
};

// `response` must be ok and have been through finish_outputs(). Fails (invalid_argument) when an
// output has no JSON form: FP16, BF16, or byte strings that are not UTF-8.
Result<HttpInferReply> encode_http_infer(const Response& response, const OutputPlan& plan);
// Into a reply that is clear.
Status encode_http_infer(const Response& response, const OutputPlan& plan, HttpInferReply& reply);

// {"error":"[request id: X] message"}; the prefix only when there is an id.
std::string encode_http_error(const Status& status, std::string_view request_id);

}  // namespace mlops
