#include "request/validate.h"

#include <algorithm>

#include "tensor/byte_strings.h"

namespace mlops {
namespace {

std::string shortened(std::string_view name) {
  // A refused name may be hostile: enough of it to recognise, not enough to fill a log.
  constexpr std::size_t kShown = 128;
  std::string text = "'";
  text.append(name.substr(0, kShown));
  if (name.size() > kShown) text += "...";
  return text + "'";
}

Status check_bytes(const NamedTensor& input) {
  const auto elements = static_cast<std::size_t>(*input.tensor.shape.elements());
  const auto found = count_byte_strings(input.tensor.bytes);
  if (!found) {
    return Status::invalid_argument("incomplete string data for inference input " +
                                    shortened(input.name) +
                                    ": an element's 4-byte length points past the end");
  }
  if (*found != elements) {
    return Status::invalid_argument(
        "unexpected number of string elements " + std::to_string(*found) + " for inference input " +
        shortened(input.name) + ", expecting " + std::to_string(elements));
  }
  return {};
}

Status check_tensor(const NamedTensor& input, const RequestLimits& limits) {
  const Tensor& tensor = input.tensor;
  if (input.name.empty()) return Status::invalid_argument("an input has no name");
  if (input.name.size() > limits.name_bytes_max) {
    return Status::invalid_argument("input name " + shortened(input.name) + " is longer than " +
                                    std::to_string(limits.name_bytes_max) + " bytes");
  }
  for (std::int64_t size : tensor.shape.dims()) {
    if (size < 0) {
      return Status::invalid_argument("input " + shortened(input.name) +
                                      " has a negative dimension: " + tensor.shape.to_string());
    }
  }
  if (!tensor.shape.elements()) {
    return Status::invalid_argument("shape " + tensor.shape.to_string() + " of input " +
                                    shortened(input.name) +
                                    " causes total element count to exceed maximum size of int64");
  }
  if (tensor.bytes.size() > limits.tensor_bytes_max) {
    return Status::invalid_argument("input " + shortened(input.name) + " has " +
                                    std::to_string(tensor.bytes.size()) + " bytes; at most " +
                                    std::to_string(limits.tensor_bytes_max) + " are accepted");
  }
  if (tensor.dtype == DType::bytes) return check_bytes(input);
  const auto expected = dense_size(tensor.dtype, tensor.shape);
  if (!expected) {
    return Status::invalid_argument("byte size overflow for input " + shortened(input.name));
  }
  if (*expected != tensor.bytes.size()) {
    return Status::invalid_argument(
        "unexpected total byte size " + std::to_string(tensor.bytes.size()) + " for input " +
        shortened(input.name) + ", expecting " + std::to_string(*expected));
  }
  return {};
}

std::string names_of(const std::vector<TensorSpec>& specs) {
  std::string text;
  for (std::size_t i = 0; i < specs.size() && i < 16; ++i) {
    if (i > 0) text += ", ";
    text += shortened(specs[i].name);
  }
  if (specs.size() > 16) text += ", ...";
  return text;
}

Status check_spec(const NamedTensor& input, const TensorSpec& spec, const std::string& model) {
  if (input.tensor.dtype != spec.dtype) {
    return Status::invalid_argument("inference input " + shortened(input.name) + " data-type is '" +
                                    std::string(kserve_name(input.tensor.dtype)) + "', but model " +
                                    shortened(model) + " expects '" +
                                    std::string(kserve_name(spec.dtype)) + "'");
  }
  if (!spec.accepts(input.tensor.shape)) {
    return Status::invalid_argument(
        "unexpected shape for input " + shortened(input.name) + " for model " + shortened(model) +
        ". Expected " + dims_to_string(spec.dims) + ", got " + input.tensor.shape.to_string());
  }
  return {};
}

// Only reached when the inputs are not in signature order.
Status match_inputs(const Request& request, const Signature& signature, Resolved& resolved) {
  constexpr std::uint32_t kMissing = UINT32_MAX;
  resolved.inputs.assign(signature.inputs.size(), kMissing);
  for (std::uint32_t position = 0; position < request.inputs.size(); ++position) {
    const std::string_view name = request.inputs[position].name;
    const auto index = signature.input_index(name);
    if (!index) {
      return Status::invalid_argument("unexpected inference input " + shortened(name) +
                                      " for model " + shortened(request.model) + "; it has " +
                                      names_of(signature.inputs));
    }
    if (resolved.inputs[*index] != kMissing) {
      return Status::invalid_argument("input " + shortened(name) + " already exists in request");
    }
    resolved.inputs[*index] = position;
  }
  return {};
}

bool wants_all_in_order(const Request& request, const Signature& signature) {
  return std::ranges::equal(request.outputs, signature.outputs, {}, {}, &TensorSpec::name);
}

Status match_outputs(const Request& request, const Signature& signature, Resolved& resolved) {
  if (wants_all_in_order(request, signature)) return {};
  std::vector<bool> seen(signature.outputs.size());
  for (std::string_view name : request.outputs) {
    const auto index = signature.output_index(name);
    if (!index) {
      return Status::invalid_argument("unexpected inference output " + shortened(name) +
                                      " for model " + shortened(request.model) + "; it has " +
                                      names_of(signature.outputs));
    }
    if (seen[*index]) {
      return Status::invalid_argument("output " + shortened(name) + " already exists in request");
    }
    seen[*index] = true;
    resolved.outputs.push_back(static_cast<std::uint32_t>(*index));
  }
  return {};
}

}  // namespace

Status check_form(const Request& request, const RequestLimits& limits) {
  if (request.model.empty()) return Status::invalid_argument("the model name cannot be empty");
  if (request.model.size() > limits.name_bytes_max) {
    return Status::invalid_argument("the model name is longer than " +
                                    std::to_string(limits.name_bytes_max) + " bytes");
  }
  if (request.id.size() > limits.id_bytes_max) {
    return Status::invalid_argument("the request id is longer than " +
                                    std::to_string(limits.id_bytes_max) + " bytes");
  }
  if (request.inputs.size() > limits.inputs_max) {
    return Status::invalid_argument("the request has " + std::to_string(request.inputs.size()) +
                                    " inputs; at most " + std::to_string(limits.inputs_max) +
                                    " are accepted");
  }
  for (const NamedTensor& input : request.inputs) {
    if (Status s = check_tensor(input, limits); !s.ok()) return s;
  }
  return {};
}

Status check_signature(const Request& request, const Signature& signature, Resolved& resolved) {
  resolved.inputs.clear();
  resolved.outputs.clear();
  bool in_order = request.inputs.size() == signature.inputs.size();
  for (std::size_t i = 0; in_order && i < signature.inputs.size(); ++i) {
    in_order = request.inputs[i].name == signature.inputs[i].name;
  }
  if (!in_order) {
    // An unknown or repeated name explains a wrong count better than the count does.
    if (Status s = match_inputs(request, signature, resolved); !s.ok()) return s;
    if (request.inputs.size() != signature.inputs.size()) {
      return Status::invalid_argument("expected " + std::to_string(signature.inputs.size()) +
                                      " inputs but got " + std::to_string(request.inputs.size()) +
                                      " inputs for model " + shortened(request.model) +
                                      "; it has " + names_of(signature.inputs));
    }
  }
  for (std::size_t i = 0; i < signature.inputs.size(); ++i) {
    const NamedTensor& input = request.inputs[resolved.input(i)];
    if (Status s = check_spec(input, signature.inputs[i], request.model); !s.ok()) return s;
  }
  if (!request.outputs.empty()) return match_outputs(request, signature, resolved);
  return {};
}

}  // namespace mlops
