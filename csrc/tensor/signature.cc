#include "tensor/signature.h"

namespace mlops {
namespace {

std::optional<std::size_t> index_of(const std::vector<TensorSpec>& specs, std::string_view name) {
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (specs[i].name == name) return i;
  }
  return std::nullopt;
}

}  // namespace

bool TensorSpec::accepts(const Shape& shape) const {
  if (!rank_known) return true;
  if (shape.rank() != dims.size()) return false;
  for (std::size_t axis = 0; axis < dims.size(); ++axis) {
    if (dims[axis] != kAnySize && dims[axis] != shape[axis]) return false;
  }
  return true;
}

std::optional<std::size_t> Signature::input_index(std::string_view name) const {
  return index_of(inputs, name);
}

std::optional<std::size_t> Signature::output_index(std::string_view name) const {
  return index_of(outputs, name);
}

}  // namespace mlops
