#pragma once
// The classification extension: an output's largest elements as strings "value:index[:label]".
// Thread-safety: pure function.

#include <cstddef>
#include <span>
#include <string>

#include "base/status.h"
#include "tensor/tensor.h"

namespace mlops {

inline constexpr std::size_t kClassifiedElementsMax = 1'000'000;

// The `classes` largest of each row of `scores` (of all of it when it is not batched), largest
// first, equal ones in the order of their index, NaN last. BYTES of shape [rows, n] or [n]. Labels
// may be fewer than elements.
Result<Tensor> classify(const Tensor& scores, std::size_t classes, bool batched,
                        std::span<const std::string> labels);

}  // namespace mlops
