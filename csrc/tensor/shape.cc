#include "tensor/shape.h"

#include <algorithm>
#include <cassert>

namespace mlops {

Shape::Shape(std::initializer_list<std::int64_t> dims) : Shape() {
  assert(dims.size() <= kMaxRank);
  for (std::int64_t size : dims) push_back(size);
}

std::optional<Shape> Shape::from(std::span<const std::int64_t> dims) {
  if (dims.size() > kMaxRank) return std::nullopt;
  Shape shape;
  for (std::int64_t size : dims) shape.push_back(size);
  return shape;
}

bool Shape::push_back(std::int64_t size) {
  if (rank_ == kMaxRank) return false;
  dims_[rank_++] = size;
  return true;
}

void Shape::copy_long(const Shape& other) {
  std::copy(other.dims_.begin() + kShortRank,
            other.dims_.begin() + static_cast<std::ptrdiff_t>(other.rank_),
            dims_.begin() + kShortRank);
}

std::optional<std::int64_t> Shape::elements() const {
  std::int64_t product = 1;
  bool overflow = false;
  bool zero = false;
  for (std::int64_t size : dims()) {
    if (size < 0) return std::nullopt;
    // A zero anywhere makes the tensor empty, even when the other dims overflow together.
    zero |= size == 0;
    overflow |= __builtin_mul_overflow(product, size, &product);
  }
  if (zero) return 0;
  if (overflow) return std::nullopt;
  return product;
}

std::string Shape::to_string() const { return dims_to_string(dims()); }

bool operator==(const Shape& a, const Shape& b) { return std::ranges::equal(a.dims(), b.dims()); }

std::string dims_to_string(std::span<const std::int64_t> dims) {
  std::string text = "[";
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (i > 0) text += ',';
    text += std::to_string(dims[i]);
  }
  return text + "]";
}

}  // namespace mlops
