#include <string>

#include "protocol/generate.h"
#include "protocol/json_text.h"

namespace mlops {
namespace {

void append_key(std::string& out, std::string_view key) {
  if (out.size() > 1) out.push_back(',');
  append_json_string(out, key);
  out.push_back(':');
}

// A list of one is its element.
bool append_tensor(std::string& out, const Tensor& tensor) {
  if (tensor.shape.elements() != 1) return append_json_data(out, tensor);
  std::string list;
  if (!append_json_data(list, tensor)) return false;
  out.append(list, 1, list.size() - 2);
  return true;
}

}  // namespace

Result<std::string> encode_generate(const Response& response) {
  std::string out = "{";
  if (!response.id.empty()) {
    append_key(out, "id");
    append_json_string(out, response.id);
  }
  append_key(out, "model_name");
  append_json_string(out, response.model);
  append_key(out, "model_version");
  out.append("\"").append(std::to_string(response.version)).append("\"");
  for (const Parameter& parameter : response.parameters) {
    append_key(out, parameter.name);
    append_json_value(out, parameter.value);
  }
  for (const NamedTensor& output : response.outputs) {
    append_key(out, output.name);
    if (!append_tensor(out, output.tensor)) {
      return Status::invalid_argument("output '" + std::string(output.name) + "' of type " +
                                      std::string(kserve_name(output.tensor.dtype)) +
                                      " has a value that JSON cannot carry");
    }
  }
  out.push_back('}');
  return out;
}

}  // namespace mlops
