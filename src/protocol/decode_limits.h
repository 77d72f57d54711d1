#pragma once
// Bounds a decoder checks before it believes anything a client wrote. Plain data; any thread.

#include <cstddef>
#include <cstdint>

namespace mlops {

struct DecodeLimits {
  std::size_t body_bytes_max = std::size_t{64} << 20;    // JSON text, and a whole raw binary body
  std::size_t tensor_bytes_max = std::size_t{64} << 20;  // one tensor after JSON or contents expand
  std::size_t json_depth_max = 100;
  std::size_t name_bytes_max = 1024;  // model, tensor and parameter names; also the request id
  std::size_t tensors_max = 4096;     // inputs, and separately requested outputs
  std::size_t parameters_max = 256;   // per request
};

}  // namespace mlops
