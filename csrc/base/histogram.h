#pragma once
// A latency histogram cheap enough to be always on: log-linear buckets (eight per power of two, so
// a reading is within 12.5 %). One writer at a time, so that recording is two plain additions and
// no cache line is fought for; whoever has many writers keeps one for each and merges when reading.

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

namespace mlops {

inline constexpr std::size_t kHistogramBuckets = 8 * 38;  // up to 2^40 ns, about 18 minutes

struct HistogramSnapshot {
  std::array<std::uint64_t, kHistogramBuckets> counts{};
  std::uint64_t count = 0;
  std::uint64_t sum = 0;

  void merge(const HistogramSnapshot& other);
  // Upper edge of the bucket that holds quantile q in [0, 1]; 0 when empty.
  std::uint64_t quantile(double q) const;
  // How many recorded values are certainly <= limit (whole buckets only).
  std::uint64_t count_at_most(std::uint64_t limit) const;
};

class Histogram {
 public:
  // Whoever writes next must have seen what the writer before it did (the lane's lock sees to it).
  void record(std::uint64_t value) {
    bump(counts_[bucket_of(value)], 1);
    bump(sum_, value);
  }
  // Any thread, at any time; misses at most what is being recorded.
  HistogramSnapshot snapshot() const;

  static std::size_t bucket_of(std::uint64_t value);
  static std::uint64_t upper_edge(std::size_t bucket);  // inclusive

 private:
  static void bump(std::atomic<std::uint64_t>& cell, std::uint64_t amount) {
    cell.store(cell.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }

  std::array<std::atomic<std::uint64_t>, kHistogramBuckets> counts_{};
  std::atomic<std::uint64_t> sum_{0};
};

}  // namespace mlops
