#pragma once
// A tensor whose axis 0 are rows, cut into them: views of its bytes. Strings are walked once.
// Pure; what is cut outlives the cut.

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "request/request.h"

namespace mlops {

class TensorRows {
 public:
  // nullopt: it has not that many rows, or is not as long as they say.
  static std::optional<TensorRows> cut(const Tensor& tensor, std::size_t rows);

  std::span<const std::byte> operator[](std::size_t row) const {
    if (ends_.empty()) return bytes_.subspan(row * row_bytes_, row_bytes_);
    const std::size_t begin = row == 0 ? 0 : ends_[row - 1];
    return bytes_.subspan(begin, ends_[row] - begin);
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t row_bytes_ = 0;
  std::vector<std::size_t> ends_;  // of rows of strings; empty: all rows are of one size
};

// All inputs of a request.
class RequestRows {
 public:
  // nullopt: there is no input, or no row, or not as many in each.
  static std::optional<RequestRows> cut(const Request& request);

  std::size_t count() const { return count_; }
  std::span<const std::byte> bytes(std::size_t input, std::size_t row) const {
    return inputs_[input][row];
  }

 private:
  std::size_t count_ = 0;
  std::vector<TensorRows> inputs_;  // in the request's order
};

}  // namespace mlops
