// What a correct reply to each row holds: the bytes of all its output tensors, in order.
//
// Compared byte by byte, except where the layout says FP32 and a tolerance is given: there both
// sides are read as floats and compared as |a - b| <= tolerance * max(1, |b|), because a server
// that batches may legitimately add in another order. An absent expectation accepts anything.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace mlops::loadgen {

// One output tensor within a row's bytes.
struct Segment {
  std::size_t bytes;
  bool fp32;
};

class Expectation {
 public:
  Expectation() = default;
  // An empty layout is one FP32 tensor. A std::string says what is wrong.
  static std::variant<Expectation, std::string> load(const std::string& path, std::size_t rows,
                                                     double tolerance, std::vector<Segment> layout);
  static Expectation of(std::string bytes, std::size_t rows, double tolerance,
                        std::vector<Segment> layout = {});

  bool present() const { return row_bytes_ != 0; }
  bool accepts(std::size_t row, std::span<const char> output) const;

 private:
  std::string bytes_;
  std::size_t row_bytes_ = 0;
  double tolerance_ = 0;
  std::vector<Segment> layout_;
};

}  // namespace mlops::loadgen
