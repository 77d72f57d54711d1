#pragma once
// Made-up inputs for probing: deterministic, in a range that embeddings, masks and divisors
// survive.

#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "tensor/signature.h"
#include "tensor/tensor.h"

namespace mlops {

struct ProbeShape {
  std::int64_t rows = 1;       // axis 0, where the graph leaves it open
  std::int64_t open_size = 1;  // every other open axis
  double scale = 1;            // floats lie between 0 and this (16-bit ones take its sign only)
};

// One tensor per signature input; none when a tensor would be unreasonably large for a probe.
std::vector<Tensor> make_probe_inputs(const Signature& signature, const ProbeShape& probe,
                                      std::mt19937_64& random);

// a's rows followed by b's.
Tensor append_rows(const Tensor& a, const Tensor& b);

// The largest difference of two numbers at one place, relative to the largest finite magnitude in
// `reference`; NaN equals NaN. nullopt where the tensors are not to be compared: other shapes or
// types, strings or integers that differ, a NaN or an infinity on one side only.
std::optional<double> relative_difference(const Tensor& reference, const Tensor& other);

// Floats within 1e-4 of the largest magnitude (more for 16 bits), or within `spread` if that is
// more; everything else exactly.
bool nearly_equal(const Tensor& a, const Tensor& b, double spread = 0);

}  // namespace mlops
