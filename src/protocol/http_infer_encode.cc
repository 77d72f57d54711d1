#include <algorithm>
#include <string>

#include "protocol/http_infer.h"
#include "protocol/json_text.h"

namespace mlops {
namespace {

constexpr std::size_t kKeptText = 4096;
constexpr std::size_t kKeptTensors = 16;

void append_parameters(std::string& out, const std::vector<Parameter>& parameters) {
  out.append(",\"parameters\":{");
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (i != 0) out.push_back(',');
    append_json_string(out, parameters[i].name);
    out.push_back(':');
    append_json_value(out, parameters[i].value);
  }
  out.push_back('}');
}

Status no_json_form(const NamedTensor& output) {
  if (output.tensor.dtype == DType::bytes) {
    return Status::invalid_argument("output '" + std::string(output.name) +
                                    "' has bytes that are not UTF-8 text, which JSON cannot carry. "
                                    "Please use the binary data format for it");
  }
  return Status::invalid_argument(
      "sending " + std::string(kserve_name(output.tensor.dtype)) +
      " data via JSON is not supported. Please use the binary data format for output '" +
      std::string(output.name) + "'");
}

void append_head(std::string& out, const Response& response) {
  out.append("{\"model_name\":");
  append_json_string(out, response.model);
  out.append(",\"model_version\":\"");
  append_json_integer(out, response.version);
  out.push_back('"');
  if (!response.id.empty()) {
    out.append(",\"id\":");
    append_json_string(out, response.id);
  }
  if (!response.parameters.empty()) append_parameters(out, response.parameters);
}

Status append_output(HttpInferReply& reply, const NamedTensor& output, const OutputPlan& plan,
                     std::size_t position) {
  std::string& out = reply.json;
  out.append("{\"name\":");
  append_json_string(out, output.name);
  out.append(",\"datatype\":\"").append(kserve_name(output.tensor.dtype)).append("\",\"shape\":");
  append_json_shape(out, output.tensor.shape);
  if (plan.is_elsewhere(position)) {
    out.push_back('}');
    return {};
  }
  if (plan.is_binary(position)) {
    out.append(",\"parameters\":{\"binary_data_size\":");
    append_json_integer(out, static_cast<std::int64_t>(output.tensor.bytes.size()));
    out.append("}}");
    if (output.tensor.bytes.empty()) return {};
    reply.binary.push_back(output.tensor);
    reply.has_binary = true;
    return {};
  }
  out.append(",\"data\":");
  if (!append_json_data(out, output.tensor)) return no_json_form(output);
  out.push_back('}');
  return {};
}

}  // namespace

std::size_t HttpInferReply::size() const {
  std::size_t total = json.size();
  for (const Tensor& tensor : binary) total += tensor.bytes.size();
  return total;
}

void HttpInferReply::clear() {
  if (json.capacity() > kKeptText) json = {};
  if (binary.capacity() > kKeptTensors) binary = {};
  json.clear();
  binary.clear();
  has_binary = false;
  arm = {};
  version = 0;
}

Result<HttpInferReply> encode_http_infer(const Response& response, const OutputPlan& plan) {
  HttpInferReply reply;
  if (Status encoded = encode_http_infer(response, plan, reply); !encoded.ok()) return encoded;
  return reply;
}

Status encode_http_infer(const Response& response, const OutputPlan& plan, HttpInferReply& reply) {
  reply.json.reserve(256 + 128 * response.outputs.size());
  append_head(reply.json, response);
  reply.json.append(",\"outputs\":[");
  for (std::size_t i = 0; i < response.outputs.size(); ++i) {
    if (i != 0) reply.json.push_back(',');
    Status appended = append_output(reply, response.outputs[i], plan, i);
    if (!appended.ok()) return appended;
  }
  reply.json.append("]}");
  return {};
}

std::string encode_http_error(const Status& status, std::string_view request_id) {
  std::string message;
  if (!request_id.empty()) message.append("[request id: ").append(request_id).append("] ");
  message.append(status.message());
  std::string out = "{\"error\":";
  append_json_string(out, message);
  out.push_back('}');
  return out;
}

}  // namespace mlops
