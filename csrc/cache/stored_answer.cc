#include "cache/stored_answer.h"

#include <algorithm>
#include <array>
#include <bit>
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
  head_->push_back(outputs.size());
  for (const NamedTensor& output : outputs) {
    const Tensor& tensor = output.tensor;
    const Description description{static_cast<std::uint32_t>(tensor.dtype),
                                  static_cast<std::uint32_t>(tensor.shape.rank()),
                                  tensor.bytes.size()};
    for (const auto word : std::bit_cast<std::array<std::uint64_t, 2>>(description)) {
      head_->push_back(word);
    }
    for (const std::int64_t size : tensor.shape.dims()) {
      head_->push_back(static_cast<std::uint64_t>(size));
    }
  }
  pieces_->push_back(std::as_bytes(std::span(*head_)));
  for (const NamedTensor& output : outputs) pieces_->push_back(output.tensor.bytes);
  for (const auto& piece : *pieces_) bytes_ += padded_to_words(piece.size());
}

bool read_answer(std::span<const std::byte> stored, std::vector<NamedTensor>& outputs) {
  std::span<const std::byte> left = stored;
  std::uint64_t count = 0;
  if (!take(left, &count, 1) || count > left.size() / sizeof(Description)) return false;
  outputs.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    Description description;
    std::array<std::int64_t, kMaxRank> dims{};
    if (!take(left, &description, 1) || description.rank > kMaxRank) return false;
    if (!take(left, dims.data(), description.rank)) return false;
    const auto shape = Shape::from({dims.data(), description.rank});
    if (!shape || description.bytes > stored.size() || description.dtype >= kDTypeCount) {
      return false;
    }
    // How many bytes they are; which, below.
    const auto bytes = stored.first(description.bytes);
    outputs.push_back({{}, {static_cast<DType>(description.dtype), *shape, bytes, nullptr}});
  }
  for (NamedTensor& output : outputs) {
    const std::size_t size = output.tensor.bytes.size();
    if (size > left.size()) return false;
    output.tensor.bytes = left.first(size);
    left = left.subspan(std::min(padded_to_words(size), left.size()));
  }
  return true;
}

bool restore_answer(const Buffer& stored, std::span<const std::string_view> names,
                    std::vector<NamedTensor>& outputs) {
  if (!read_answer({stored->data(), stored->size()}, outputs)) return false;
  if (outputs.size() != names.size()) return false;
  for (std::size_t i = 0; i < names.size(); ++i) {
    outputs[i].name = names[i];
    outputs[i].tensor.owner = stored;
  }
  return true;
}

}  // namespace mlops
