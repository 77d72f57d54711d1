#include "cache/stored_answer.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace mlops {
namespace {

// One for each tensor, then its sizes; everything in words of eight bytes.
struct Description {
  std::uint32_t dtype = 0;
  std::uint32_t rank = 0;
  std::uint64_t bytes = 0;
};

std::size_t padded_to_words(std::size_t size) { return (size + 7) / 8 * 8; }

template <class T>
void append(std::vector<std::byte>& to, const T* items, std::size_t count) {
  const auto* from = reinterpret_cast<const std::byte*>(items);
  to.insert(to.end(), from, from + count * sizeof(T));
}

// Takes from the front of `from`; false when there is less.
template <class T>
bool take(std::span<const std::byte>& from, T* items, std::size_t count) {
  if (from.size() < count * sizeof(T)) return false;
  if (count > 0) std::memcpy(items, from.data(), count * sizeof(T));
  from = from.subspan(count * sizeof(T));
  return true;
}

}  // namespace

StoredAnswer::StoredAnswer(std::span<const NamedTensor> outputs) {
  const std::uint64_t count = outputs.size();
  head_.reserve(sizeof count + outputs.size() * (sizeof(Description) + 4 * sizeof(std::int64_t)));
  append(head_, &count, 1);
  for (const NamedTensor& output : outputs) {
    const Tensor& tensor = output.tensor;
    const Description description{static_cast<std::uint32_t>(tensor.dtype),
                                  static_cast<std::uint32_t>(tensor.shape.rank()),
                                  tensor.bytes.size()};
    append(head_, &description, 1);
    append(head_, tensor.shape.dims().data(), tensor.shape.rank());
  }
  pieces_.reserve(outputs.size() + 1);
  pieces_.emplace_back(head_);
  for (const NamedTensor& output : outputs) pieces_.push_back(output.tensor.bytes);
  for (const auto& piece : pieces_) bytes_ += padded_to_words(piece.size());
}

bool restore_answer(const Buffer& stored, std::span<const std::string_view> names,
                    std::vector<NamedTensor>& outputs) {
  std::span<const std::byte> left{stored->data(), stored->size()};
  std::uint64_t count = 0;
  if (!take(left, &count, 1) || count != names.size()) return false;
  outputs.reserve(names.size());
  std::vector<std::size_t> sizes(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) {
    Description description;
    std::array<std::int64_t, kMaxRank> dims{};
    if (!take(left, &description, 1) || description.rank > kMaxRank) return false;
    if (!take(left, dims.data(), description.rank)) return false;
    const auto shape = Shape::from({dims.data(), description.rank});
    if (!shape) return false;
    sizes[i] = description.bytes;
    outputs.push_back({names[i], {static_cast<DType>(description.dtype), *shape, {}, stored}});
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (sizes[i] > left.size()) return false;
    outputs[i].tensor.bytes = left.first(sizes[i]);
    left = left.subspan(std::min(padded_to_words(sizes[i]), left.size()));
  }
  return true;
}

}  // namespace mlops
