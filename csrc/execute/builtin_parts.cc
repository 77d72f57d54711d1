#include "execute/builtin_parts.h"

#include <charconv>

namespace mlops {

Result<std::uint64_t> whole_parameter(const ConfigStrings& parameters, const std::string& name,
                                      std::uint64_t largest) {
  const auto found = parameters.find(name);
  if (found == parameters.end()) return std::uint64_t{0};
  const std::string& text = found->second;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value <= largest) return value;
  return Status::invalid_argument("parameter '" + name + "' must be a whole number of at most " +
                                  std::to_string(largest) + ", got '" + text + "'");
}

Status expect_tensor(std::string_view backend, std::string_view what,
                     const std::vector<TensorSpec>& specs, std::size_t position,
                     std::string_view name, DType dtype) {
  if (position < specs.size() && specs[position].name == name && specs[position].dtype == dtype) {
    return {};
  }
  std::string text = "the " + std::string(backend) + " back end expects " + std::string(what) +
                     " " + std::to_string(position) + " to be " + std::string(name) + " (" +
                     std::string(kserve_name(dtype)) + ")";
  if (position < specs.size()) {
    text += ", got " + specs[position].name + " (" +
            std::string(kserve_name(specs[position].dtype)) + ")";
  }
  return Status::invalid_argument(std::move(text));
}

std::byte* output_room(Tensor& output, DType dtype, const Shape& shape, std::size_t size) {
  const bool fits = output.owner && output.bytes.size() == size && output.dtype == dtype;
  if (!fits) {
    output.owner = allocate_buffer(size);
    if (!output.owner) return nullptr;
    output.bytes = writable(output.owner);
  }
  output.dtype = dtype;
  output.shape = shape;
  // The view is const because most holders only read; the memory is ours to fill.
  return const_cast<std::byte*>(output.bytes.data());
}

}  // namespace mlops
