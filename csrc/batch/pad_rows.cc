#include "batch/pad_rows.h"

#include <algorithm>
#include <cstring>

namespace mlops {

std::int64_t common_length(std::span<const Part> parts, std::size_t index) {
  const Shape& first = parts.front().input(index).shape;
  if (first.rank() != 2) return 0;
  std::int64_t longest = first[1];
  bool differ = false;
  for (const Part& part : parts.subspan(1)) {
    const Shape& shape = part.input(index).shape;
    if (shape.rank() != 2) return 0;
    differ = differ || shape[1] != first[1];
    longest = std::max(longest, shape[1]);
  }
  return differ ? longest : 0;
}

std::byte* copy_padded(std::byte* to, const Tensor& tensor, std::int64_t length) {
  const std::size_t element = size_of(tensor.dtype);
  const std::size_t there = static_cast<std::size_t>(tensor.shape[1]) * element;
  const std::size_t wanted = static_cast<std::size_t>(length) * element;
  const std::byte* from = tensor.bytes.data();
  for (std::int64_t row = 0; row < tensor.shape[0]; ++row) {
    if (there > 0) std::memcpy(to, from, there);
    std::memset(to + there, 0, wanted - there);
    from += there;
    to += wanted;
  }
  return to;
}

}  // namespace mlops
