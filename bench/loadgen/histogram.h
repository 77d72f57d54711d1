// Log-linear latency histogram: three significant decimal digits from 1 ns to 18 minutes in fixed
// memory.
//
// Values below 2048 ns have a counter each; above, every power of two is cut into 1024 equal steps,
// so that a counter's width is at most 1/1024 of its value. Larger values saturate into the last
// counter. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace mlops::loadgen {

class Histogram {
 public:
  static constexpr std::uint64_t kValueMax_ns = (std::uint64_t{1} << 40) - 1;

  Histogram();

  void record(std::uint64_t value_ns) noexcept;
  void add(const Histogram& other) noexcept;

  std::uint64_t count() const noexcept { return count_; }
  std::uint64_t min_ns() const noexcept { return count_ == 0 ? 0 : min_; }
  std::uint64_t max_ns() const noexcept { return max_; }
  double mean_ns() const noexcept;

  // The value at rank ceil(q * count), as the middle of its counter, never outside [min, max]. 0
  // when empty.
  std::uint64_t quantile_ns(double q) const noexcept;

  struct Cell {
    std::uint64_t lower_ns;
    std::uint64_t count;
  };
  std::vector<Cell> cells() const;  // the counters that are not zero, ascending

  static std::size_t index_of(std::uint64_t value_ns) noexcept;
  static std::uint64_t lower_edge_ns(std::size_t index) noexcept;
  static std::uint64_t width_ns(std::size_t index) noexcept;

 private:
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  std::uint64_t min_ = kValueMax_ns;
  std::uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace mlops::loadgen
