#pragma once
// How long runs of one shape take, by their rows, as learned from recent ones. What was not seen
// lately is estimated from its neighbours, so that a size which was slow once is tried again.
// Pure bookkeeping; not thread-safe: the owner's lock guards it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/clock.h"

namespace mlops {

class LatencyModel {
 public:
  // `single_row`: what one row takes, until more is known.
  explicit LatencyModel(Duration single_row) : single_row_(single_row) {}

  void ran(std::int64_t rows, Duration took, TimePoint now);

  // What nine of ten runs of so many rows do not exceed. Not 99 of 100: where one run in fifty is
  // interrupted, that is the length of the interruption and says nothing of the size.
  Duration usual(std::int64_t rows, TimePoint now) const;

 private:
  static constexpr std::size_t kRecent = 128;
  // Rows from 2^(i-1) + 1 to 2^i.
  struct Size {
    std::array<std::uint32_t, kRecent> recent{};  // tenths of a microsecond, saturated
    std::size_t runs = 0;
    double usual_ns = 0;
    TimePoint last_at{};
    void add(Duration took);
  };
  struct Point {
    double rows;
    double ns;
  };

  Duration single_row_;
  std::vector<Size> sizes_;
};

}  // namespace mlops
