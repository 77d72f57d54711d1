#pragma once
// Pure checks, in two halves: form (needs no model) and signature (needs the chosen version).
// Both refuse with a message that names the tensor and what was expected. Neither allocates on
// success except for the resolved indices.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/status.h"
#include "request/request.h"
#include "tensor/signature.h"

namespace mlops {

struct RequestLimits {
  std::size_t name_bytes_max = 1024;  // model, tensor and parameter names
  std::size_t id_bytes_max = 1024;
  std::size_t inputs_max = 4096;
  std::size_t tensor_bytes_max = std::size_t{1} << 30;
};

// Names present and bounded, shapes non-negative, byte sizes equal to what dtype and shape say,
// byte strings well formed with as many elements as the shape says, no tensor named twice.
Status check_form(const Request& request, const RequestLimits& limits);

// The request's tensors matched to the signature. Empty vectors mean the identity, which is what
// nearly every client sends and costs nothing: inputs in signature order, all outputs wanted.
struct Resolved {
  std::vector<std::uint32_t> inputs;   // [signature input] -> position in request.inputs
  std::vector<std::uint32_t> outputs;  // [i-th wanted output] -> signature output

  std::size_t input(std::size_t i) const { return inputs.empty() ? i : inputs[i]; }
};
Status check_signature(const Request& request, const Signature& signature, Resolved& resolved);

}  // namespace mlops
