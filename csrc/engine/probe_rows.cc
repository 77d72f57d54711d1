#include "engine/probe_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "tensor/byte_strings.h"
#include "tensor/half.h"

namespace mlops {
namespace {

constexpr std::size_t kProbeBytesMax = std::size_t{64} << 20;

template <class T>
void append_value(std::vector<std::byte>& out, T value) {
  const auto* raw = reinterpret_cast<const std::byte*>(&value);
  out.insert(out.end(), raw, raw + sizeof(T));
}

// Integers are 0 or 1, which most indices and masks may be.
void append_random(std::vector<std::byte>& out, DType dtype, double scale,
                   std::mt19937_64& random) {
  const double unit = static_cast<double>((random() >> 11) + 1) * 0x1p-53 * scale;
  const std::uint16_t sign = scale < 0 ? 0x8000U : 0U;
  const auto bit = static_cast<std::uint8_t>(random() >> 63);
  switch (dtype) {
    case DType::f32:
      return append_value(out, static_cast<float>(unit));
    case DType::f64:
      return append_value(out, unit);
    case DType::f16:  // 0x3400..0x37FF is [0.25, 0.5)
      return append_value(out, static_cast<std::uint16_t>(sign | 0x3400U | (random() & 0x3FFU)));
    case DType::bf16:  // 0x3E80..0x3EFF is [0.25, 0.5)
      return append_value(out, static_cast<std::uint16_t>(sign | 0x3E80U | (random() & 0x7FU)));
    case DType::bytes: {
      std::string element;
      append_byte_string(element, bit ? "a" : "b");
      const auto* raw = reinterpret_cast<const std::byte*>(element.data());
      out.insert(out.end(), raw, raw + element.size());
      return;
    }
    default: {
      std::byte raw[8] = {std::byte{bit}};
      out.insert(out.end(), raw, raw + size_of(dtype));
    }
  }
}

Tensor tensor_from(DType dtype, Shape shape, const std::vector<std::byte>& bytes) {
  Tensor tensor{dtype, shape, {}, allocate_buffer(bytes.size())};
  if (tensor.owner && !bytes.empty()) {
    std::memcpy(tensor.owner->data(), bytes.data(), bytes.size());
    tensor.bytes = {tensor.owner->data(), bytes.size()};
  }
  return tensor;
}

template <class T>
double element_as_double(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return static_cast<double>(value);
}

double float_at(const Tensor& tensor, std::size_t i) {
  const std::byte* at = tensor.bytes.data() + i * size_of(tensor.dtype);
  if (tensor.dtype == DType::f32) return element_as_double<float>(at);
  if (tensor.dtype == DType::f64) return element_as_double<double>(at);
  std::uint16_t raw;
  std::memcpy(&raw, at, sizeof(raw));
  return tensor.dtype == DType::f16 ? half_to_float(raw) : bf16_to_float(raw);
}

double tolerance_of(DType dtype) {
  if (dtype == DType::f16) return 4e-3;
  return dtype == DType::bf16 ? 3e-2 : 1e-4;
}

bool is_floating(DType dtype) {
  return dtype == DType::f16 || dtype == DType::f32 || dtype == DType::f64 || dtype == DType::bf16;
}

}  // namespace

std::vector<Tensor> make_probe_inputs(const Signature& signature, const ProbeShape& probe,
                                      std::mt19937_64& random) {
  std::vector<Tensor> inputs;
  for (const TensorSpec& spec : signature.inputs) {
    Shape shape;
    for (std::size_t axis = 0; axis < spec.dims.size(); ++axis) {
      const std::int64_t open = axis == 0 ? probe.rows : probe.open_size;
      if (!shape.push_back(spec.dims[axis] == kAnySize ? open : spec.dims[axis])) return {};
    }
    const auto elements = shape.elements();
    const std::size_t element_bytes = std::max<std::size_t>(5, size_of(spec.dtype));
    if (!elements || static_cast<std::size_t>(*elements) > kProbeBytesMax / element_bytes)
      return {};
    std::vector<std::byte> bytes;
    for (std::int64_t i = 0; i < *elements; ++i)
      append_random(bytes, spec.dtype, probe.scale, random);
    inputs.push_back(tensor_from(spec.dtype, shape, bytes));
  }
  return inputs;
}

Tensor append_rows(const Tensor& a, const Tensor& b) {
  std::vector<std::byte> bytes(a.bytes.begin(), a.bytes.end());
  bytes.insert(bytes.end(), b.bytes.begin(), b.bytes.end());
  Shape shape = a.shape;
  shape.set(0, a.shape[0] + b.shape[0]);
  return tensor_from(a.dtype, shape, bytes);
}

std::optional<double> relative_difference(const Tensor& reference, const Tensor& other) {
  if (reference.dtype != other.dtype || !(reference.shape == other.shape) ||
      reference.bytes.size() != other.bytes.size()) {
    return std::nullopt;
  }
  if (!is_floating(reference.dtype)) {
    if (std::ranges::equal(reference.bytes, other.bytes)) return 0.0;
    return std::nullopt;
  }
  const std::size_t count = reference.bytes.size() / size_of(reference.dtype);
  double largest = 0;
  double worst = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const double x = float_at(reference, i);
    const double y = float_at(other, i);
    if (std::isfinite(x)) largest = std::max(largest, std::abs(x));
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    if (!std::isfinite(x) || !std::isfinite(y)) return std::nullopt;
    worst = std::max(worst, std::abs(x - y));
  }
  if (worst == 0) return 0.0;
  return largest > 0 ? worst / largest : std::numeric_limits<double>::infinity();
}

bool nearly_equal(const Tensor& a, const Tensor& b, double spread) {
  const std::optional<double> difference = relative_difference(a, b);
  return difference && *difference <= std::max(tolerance_of(a.dtype), spread);
}

}  // namespace mlops
