#pragma once
// A few of the rows that came last, for whoever wants to see what an alert is about: a ring, of
// which new rows push out the oldest. Not thread-safe; allocates when it is made.

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace mlops {

class RecentRows {
 public:
  RecentRows(std::size_t columns, std::size_t rows_max)
      : columns_(columns), rows_max_(rows_max), values_(columns * rows_max) {}

  void add(const float* row) {
    if (rows_max_ == 0) return;
    std::copy_n(row, columns_, values_.data() + next_ * columns_);
    next_ = (next_ + 1) % rows_max_;
    kept_ = std::min(kept_ + 1, rows_max_);
  }
  std::size_t rows() const { return kept_; }
  bool full() const { return kept_ == rows_max_; }
  // 0: the newest.
  std::span<const float> row(std::size_t age) const {
    const std::size_t at = (next_ + rows_max_ - 1 - age) % rows_max_;
    return {values_.data() + at * columns_, columns_};
  }
  void clear() { kept_ = 0; }

 private:
  std::size_t columns_;
  std::size_t rows_max_;
  std::size_t next_ = 0;
  std::size_t kept_ = 0;
  std::vector<float> values_;
};

}  // namespace mlops
