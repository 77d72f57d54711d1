#include "protocol/traced_tensor.h"

#include <algorithm>
#include <cstring>

#include "protocol/json_text.h"
#include "tensor/byte_strings.h"
#include "tensor/half.h"

namespace mlops {
namespace {

std::string joined(const Shape& shape) {
  std::string text;
  for (std::size_t axis = 0; axis < shape.rank(); ++axis) {
    if (axis != 0) text.push_back(',');
    append_json_integer(text, shape[axis]);
  }
  return text;
}

// How many of the first elements were written.
std::size_t append_strings(std::string& out, std::span<const std::byte> bytes) {
  ByteStringReader reader(bytes);
  std::size_t written = 0;
  while (const auto element = reader.next()) {
    // Escaped, a byte may take six.
    const bool fits =
        element->size() <= kTracedTextMax / 6 && out.size() + element->size() * 6 <= kTracedTextMax;
    if (written == kTracedElementsMax || !fits) break;
    if (written++ != 0) out.push_back(',');
    append_json_string(out, *element);
  }
  return written;
}

// JSON does not carry them, and here their values are wanted.
void append_halves(std::string& out, DType dtype, std::span<const std::byte> bytes) {
  std::vector<float> values(bytes.size() / sizeof(std::uint16_t));
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint16_t raw;
    std::memcpy(&raw, bytes.data() + i * sizeof(raw), sizeof(raw));
    values[i] = dtype == DType::f16 ? half_to_float(raw) : bf16_to_float(raw);
  }
  append_json_data(out, {DType::f32, {}, std::as_bytes(std::span(values)), nullptr});
}

std::string without_brackets(std::string text) {
  if (text.size() >= 2) text = text.substr(1, text.size() - 2);
  return text;
}

}  // namespace

TracedTensor traced_tensor(std::string_view activity, const NamedTensor& tensor) {
  const Tensor& given = tensor.tensor;
  TracedTensor traced{
      activity, std::string(tensor.name), {}, joined(given.shape), kserve_name(given.dtype), 0};
  const auto elements = static_cast<std::size_t>(given.shape.elements().value_or(0));
  if (given.dtype == DType::bytes) {
    traced.omitted = elements - std::min(elements, append_strings(traced.data, given.bytes));
    return traced;
  }
  const std::size_t size = size_of(given.dtype);
  const std::size_t told = std::min(given.bytes.size() / size, kTracedElementsMax);
  const std::span<const std::byte> bytes = given.bytes.first(told * size);
  std::string data;
  if (given.dtype == DType::f16 || given.dtype == DType::bf16) {
    append_halves(data, given.dtype, bytes);
  } else {
    append_json_data(data, {given.dtype, {}, bytes, nullptr});
  }
  traced.data = without_brackets(std::move(data));
  traced.omitted = elements - std::min(elements, told);
  return traced;
}

}  // namespace mlops
