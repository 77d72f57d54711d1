#pragma once
// Rows of different lengths as rows of one length, zeros behind their ends.

#include <cstdint>
#include <span>

#include "batch/gather.h"
#include "tensor/tensor.h"

namespace mlops {

// Of input `index`: the longest second axis of the parts where it is not the same for all; 0 where
// it is, or where there is none.
std::int64_t common_length(std::span<const Part> parts, std::size_t index);

// Writes the rows of `tensor`, [N, at most length], and returns where the next one goes.
std::byte* copy_padded(std::byte* to, const Tensor& tensor, std::int64_t length);

}  // namespace mlops
