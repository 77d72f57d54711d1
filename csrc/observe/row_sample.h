#pragma once
// A uniform sample of rows, of bounded size, for making a reference from live traffic. Not
// thread-safe; allocates when it is made.

#include <cstdint>
#include <random>
#include <vector>

namespace mlops {

class RowSample {
 public:
  RowSample(std::size_t columns, std::size_t rows_max)
      : columns_(columns), rows_max_(rows_max), values_(columns * rows_max) {}

  // `stride` floats from row to row.
  void offer(const float* rows, std::size_t count, std::size_t stride);
  std::size_t rows() const { return kept_; }
  std::uint64_t offered() const { return offered_; }
  std::vector<float> column(std::size_t index) const;
  void clear() { kept_ = offered_ = 0; }

 private:
  std::size_t columns_;
  std::size_t rows_max_;
  std::size_t kept_ = 0;
  std::uint64_t offered_ = 0;
  std::vector<float> values_;
  std::mt19937_64 random_{0x5eed};
};

}  // namespace mlops
