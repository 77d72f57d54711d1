// KServe v2 inference requests over HTTP/1.1 as whole byte strings, encoded once before the run.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "loadgen/payload.h"

namespace mlops::loadgen {

struct ModelRef {
  std::string name;
  std::string version;  // empty: the server chooses
};

struct Peer {
  std::string authority;
  std::string token;  // sent as "Authorization: Bearer"; empty: nothing is sent
};

// Tensors follow the JSON header as raw bytes (binary tensor data extension), and are asked back
// the same way.
std::string encode_http_binary(const ModelRef& model, const Payload& payload, std::size_t row,
                               const Peer& peer);

// Everything as JSON numbers. Only datatypes json_supports() accepts.
std::string encode_http_json(const ModelRef& model, const Payload& payload, std::size_t row,
                             const Peer& peer);
bool json_supports(std::string_view datatype);

// Not v2: the inputs' bytes one after the other, for servers that know their model's signature.
std::string encode_http_raw(const ModelRef& model, const Payload& payload, std::size_t row,
                            const Peer& peer);

}  // namespace mlops::loadgen
