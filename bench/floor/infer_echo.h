// Echo of one KServe v2 inference: the smallest honest parse of a request and the reply that
// returns its tensor.
//
// Pure functions over bytes. A floor has to do what every server must (find the tensor, know its
// name, type and shape) and nothing else.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace mlops::floor {

struct EchoTensor {
  std::string_view datatype;
  std::string_view shape;  // as the protocol spells it: packed varints, or a JSON array
  std::string_view bytes;
};

// The first input of a ModelInferRequest with raw contents; false when the bytes are not one.
bool parse_infer_request(std::string_view message, EchoTensor& tensor);
// Appends a length-prefixed gRPC message that holds the ModelInferResponse.
void append_infer_response(std::string& out, const EchoTensor& tensor);

// The first input of a JSON header whose tensor follows as `binary`.
bool parse_infer_json(std::string_view json, std::string_view binary, EchoTensor& tensor,
                      std::string& shape);
// Appends a whole HTTP/1.1 reply, binary tensor included.
void append_http_reply(std::string& out, const EchoTensor& tensor);

}  // namespace mlops::floor
