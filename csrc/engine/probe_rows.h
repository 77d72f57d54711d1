#pragma once
// Made-up inputs for probing: deterministic, in a range that embeddings, masks and divisors
// survive.

#include <cstdint>
#include <random>
#include <vector>

#include "tensor/signature.h"
#include "tensor/tensor.h"

namespace mlops {

// One tensor per signature input. Axis 0 gets `rows` where the graph leaves it open, every other
// open axis gets `open_size`. Empty when a tensor would be unreasonably large for a probe.
std::vector<Tensor> make_probe_inputs(const Signature& signature, std::int64_t rows,
                                      std::int64_t open_size, std::mt19937_64& random);

// a's rows followed by b's.
Tensor append_rows(const Tensor& a, const Tensor& b);

// Numbers within 1e-4 of the larger magnitude in either tensor (NaN equals NaN), strings and
// integers exactly.
bool nearly_equal(const Tensor& a, const Tensor& b);

}  // namespace mlops
