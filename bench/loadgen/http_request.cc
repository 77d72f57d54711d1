#include "loadgen/http_request.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <span>

#include "loadgen/json_text.h"

namespace mlops::loadgen {
namespace {

template <class T>
void append_numbers(std::string& out, std::span<const char> bytes) {
  for (std::size_t i = 0; i < bytes.size() / sizeof(T); ++i) {
    T value{};
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    std::array<char, 32> text;
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    if (i != 0) out += ',';
    out.append(text.data(), end);
  }
}

void append_data(std::string& out, std::string_view datatype, std::span<const char> bytes) {
  if (datatype == "FP32") append_numbers<float>(out, bytes);
  if (datatype == "FP64") append_numbers<double>(out, bytes);
  if (datatype == "INT32") append_numbers<std::int32_t>(out, bytes);
  if (datatype == "INT64") append_numbers<std::int64_t>(out, bytes);
}

void append_tensor_head(std::string& out, const InputSpec& input) {
  out += "{\"name\":";
  append_json_string(out, input.name);
  out += ",\"shape\":[";
  for (std::size_t i = 0; i < input.shape.size(); ++i) {
    if (i != 0) out += ',';
    out += std::to_string(input.shape[i]);
  }
  out += "],\"datatype\":\"" + input.datatype + "\"";
}

std::string head(const ModelRef& model, const Peer& peer, std::size_t body_bytes) {
  std::string out = "POST /v2/models/" + model.name;
  if (!model.version.empty()) out += "/versions/" + model.version;
  out += "/infer HTTP/1.1\r\nHost: ";
  out += peer.authority;
  if (!peer.token.empty()) out += "\r\nAuthorization: Bearer " + peer.token;
  out += "\r\nContent-Length: " + std::to_string(body_bytes) + "\r\n";
  return out;
}

}  // namespace

bool json_supports(std::string_view datatype) {
  return datatype == "FP32" || datatype == "FP64" || datatype == "INT32" || datatype == "INT64";
}

std::string encode_http_binary(const ModelRef& model, const Payload& payload, std::size_t row,
                               const Peer& peer) {
  std::string json = "{\"inputs\":[";
  std::string tensors;
  for (std::size_t i = 0; i < payload.inputs().size(); ++i) {
    const std::span<const char> bytes = payload.row(i, row);
    if (i != 0) json += ',';
    append_tensor_head(json, payload.inputs()[i]);
    json += ",\"parameters\":{\"binary_data_size\":" + std::to_string(bytes.size()) + "}}";
    tensors.append(bytes.data(), bytes.size());
  }
  json += "],\"parameters\":{\"binary_data_output\":true}}";
  std::string out = head(model, peer, json.size() + tensors.size());
  out += "Content-Type: application/octet-stream\r\nInference-Header-Content-Length: " +
         std::to_string(json.size()) + "\r\n\r\n";
  return out + json + tensors;
}

std::string encode_http_json(const ModelRef& model, const Payload& payload, std::size_t row,
                             const Peer& peer) {
  std::string json = "{\"inputs\":[";
  for (std::size_t i = 0; i < payload.inputs().size(); ++i) {
    if (i != 0) json += ',';
    append_tensor_head(json, payload.inputs()[i]);
    json += ",\"data\":[";
    append_data(json, payload.inputs()[i].datatype, payload.row(i, row));
    json += "]}";
  }
  json += "]}";
  return head(model, peer, json.size()) + "Content-Type: application/json\r\n\r\n" + json;
}

std::string encode_http_raw(const ModelRef& model, const Payload& payload, std::size_t row,
                            const Peer& peer) {
  std::string tensors;
  for (std::size_t i = 0; i < payload.inputs().size(); ++i) {
    const std::span<const char> bytes = payload.row(i, row);
    tensors.append(bytes.data(), bytes.size());
  }
  return head(model, peer, tensors.size()) + "Content-Type: application/octet-stream\r\n\r\n" +
         tensors;
}

}  // namespace mlops::loadgen
