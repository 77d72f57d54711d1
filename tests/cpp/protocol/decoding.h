#pragma once
// Decoding of literal bodies, as most protocol tests need it.

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/grpc_infer.h"
#include "protocol/http_infer.h"
#include "support/requests.h"

namespace mlops::testing {

inline Buffer buffer_of(std::string_view text) {
  Buffer buffer = allocate_buffer(text.size());
  if (!text.empty()) std::memcpy(buffer->data(), text.data(), text.size());
  return buffer;
}

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

inline std::string text_of(const Tensor& tensor) {
  return {reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size()};
}

// A decoded call and what it cost. The body is only held by the request, as in the server.
template <class Call>
struct Decoded {
  Call call;
  Status status;
  std::unique_ptr<CopyMeter> copies = std::make_unique<CopyMeter>();

  const Request& request() const { return call.request; }
  const Tensor& input(std::size_t i = 0) const { return call.request.inputs.at(i).tensor; }
  const std::string& error() const { return status.message(); }
};

inline Decoded<HttpInferCall> decode_http(std::string_view body,
                                          std::optional<std::string_view> header_length = {},
                                          const ModelInfo* model = nullptr,
                                          const DecodeLimits& limits = {}) {
  Decoded<HttpInferCall> made;
  made.call.request.model = "m";
  Buffer owner = buffer_of(body);
  const std::span<const std::byte> bytes = writable(owner);
  made.status = decode_http_infer(std::move(owner), bytes, header_length, model, limits,
                                  *made.copies, made.call);
  return made;
}

// The JSON followed by binary tensors.
inline Decoded<HttpInferCall> decode_http_binary(const std::string& json,
                                                 const std::string& binary) {
  return decode_http(json + binary, std::to_string(json.size()));
}

// One input named "x".
inline std::string json_input(std::string_view datatype, std::string_view shape,
                              std::string_view data) {
  std::string json = R"({"inputs":[{"name":"x","datatype":")";
  json.append(datatype).append(R"(","shape":)").append(shape);
  return json.append(R"(,"data":)").append(data).append("}]}");
}

inline Decoded<GrpcInferCall> decode_grpc(std::string_view message,
                                          const DecodeLimits& limits = {}) {
  Decoded<GrpcInferCall> made;
  Buffer owner = buffer_of(message);
  const std::span<const std::byte> bytes = writable(owner);
  made.status = decode_grpc_infer(std::move(owner), bytes, limits, *made.copies, made.call);
  return made;
}

}  // namespace mlops::testing
