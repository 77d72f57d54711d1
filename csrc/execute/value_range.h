#pragma once
// Whether a tensor holds any float that is too large, infinite or no number. Read once, at the
// speed of memory.

#include "tensor/tensor.h"

namespace mlops {

// Tensors of other types have no such values. `most` is positive; for 16 bits, what they cannot
// hold admits all that is finite. The bytes may lie anywhere.
bool floats_within(const Tensor& tensor, double most);

}  // namespace mlops
