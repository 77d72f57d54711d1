#pragma once
// A response's outputs as the bytes that the cache keeps, and back. Only this process writes them.
// Names are not kept: whoever asks again asks for the same ones, in the same order.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/lent_vector.h"
#include "request/request.h"

namespace mlops {

// What is to be put: `head` describes the tensors, which follow. Valid as long as the response.
class StoredAnswer {
 public:
  explicit StoredAnswer(std::span<const NamedTensor> outputs);
  std::span<const std::span<const std::byte>> pieces() { return *pieces_; }
  std::size_t bytes() const { return bytes_; }

 private:
  LentVector<std::uint64_t, struct HeadOfAnswer> head_;
  LentVector<std::span<const std::byte>, struct PiecesOfAnswer> pieces_;
  std::size_t bytes_ = 0;
};

// Tensors that are views of `stored`, without names or owner. False when it is something else.
bool read_answer(std::span<const std::byte> stored, std::vector<NamedTensor>& outputs);
// The same under `names`, which are as many, owned by `stored`.
bool restore_answer(const Buffer& stored, std::span<const std::string_view> names,
                    std::vector<NamedTensor>& outputs);

}  // namespace mlops
