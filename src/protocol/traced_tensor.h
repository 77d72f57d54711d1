#pragma once
// A tensor as Triton's trace level TENSORS writes it: text, so that it outlives the request. What
// is written of one is bounded, whatever its size.

#include <cstddef>
#include <string>
#include <string_view>

#include "request/request.h"

namespace mlops {

inline constexpr std::size_t kTracedElementsMax = 1024;
inline constexpr std::size_t kTracedTextMax = std::size_t{64} << 10;  // of its data

struct TracedTensor {
  std::string_view activity;  // "TENSOR_QUEUE_INPUT" or "TENSOR_BACKEND_OUTPUT"; a literal
  std::string name;
  std::string data;  // "1,2,3"; strings in quotes, as in JSON
  std::string shape;
  std::string_view dtype;   // a literal
  std::size_t omitted = 0;  // elements that are not in `data`
};

TracedTensor traced_tensor(std::string_view activity, const NamedTensor& tensor);

}  // namespace mlops
