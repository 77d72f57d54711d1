#pragma once
// What a model takes and gives: names, element types and dims as the graph declares them.
// Immutable after loading; any thread may read it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace mlops {

inline constexpr std::int64_t kAnySize = -1;

struct TensorSpec {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::int64_t> dims;    // kAnySize where the graph leaves the size open
  std::vector<std::string> symbols;  // same length; "" where the open size has no name
  bool rank_known = true;            // false: the graph declares no shape at all; dims is empty

  bool accepts(const Shape& shape) const;
};

struct Signature {
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;

  std::optional<std::size_t> input_index(std::string_view name) const;
  std::optional<std::size_t> output_index(std::string_view name) const;
};

}  // namespace mlops
