#pragma once
// A latency histogram cheap enough to be always on: log-linear buckets (eight per power of two, so
// a reading is within 12.5 %), one relaxed add per record into the calling thread's shard.

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>

#include "base/sharded_counter.h"

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
  Histogram();
  void record(std::uint64_t value) { record_many(value, 1); }
  void record_many(std::uint64_t value, std::uint64_t times);
  HistogramSnapshot snapshot() const;

  static std::size_t bucket_of(std::uint64_t value);
  static std::uint64_t upper_edge(std::size_t bucket);  // inclusive

 private:
  struct alignas(64) Shard {
    std::array<std::atomic<std::uint64_t>, kHistogramBuckets> counts{};
    std::atomic<std::uint64_t> sum{0};
  };
  std::unique_ptr<std::array<Shard, kCounterShards>> shards_;
};

}  // namespace mlops
