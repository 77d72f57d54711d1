// What a correct reply to each row holds: the bytes of all its output tensors, in order.
//
// Exact by default; with a tolerance both sides are read as FP32 and compared as |a - b| <=
// tolerance * max(1, |b|), because a server that batches may legitimately add in another order. An
// absent expectation accepts anything.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <variant>

namespace mlops::loadgen {

class Expectation {
 public:
  Expectation() = default;
  static std::variant<Expectation, std::string> load(const std::string& path, std::size_t rows,
                                                     double tolerance);
  static Expectation of(std::string bytes, std::size_t rows, double tolerance);

  bool present() const { return row_bytes_ != 0; }
  bool accepts(std::size_t row, std::span<const char> output) const;

 private:
  std::string bytes_;
  std::size_t row_bytes_ = 0;
  double tolerance_ = 0;
};

}  // namespace mlops::loadgen
