#include "base/histogram.h"

#include <algorithm>
#include <cmath>

namespace mlops {

// Values below 8 have their own bucket; above, the three bits after the leading one choose it.
std::size_t Histogram::bucket_of(std::uint64_t value) {
  if (value < 8) return static_cast<std::size_t>(value);
  const auto exponent = static_cast<std::size_t>(std::bit_width(value) - 1);
  const auto mantissa = static_cast<std::size_t>((value >> (exponent - 3)) & 7);
  return std::min((exponent - 2) * 8 + mantissa, kHistogramBuckets - 1);
}

std::uint64_t Histogram::upper_edge(std::size_t bucket) {
  if (bucket < 8) return bucket;
  const std::size_t exponent = bucket / 8 + 2;
  const std::uint64_t width = std::uint64_t{1} << (exponent - 3);
  return (std::uint64_t{1} << exponent) + (bucket % 8 + 1) * width - 1;
}

HistogramSnapshot Histogram::snapshot() const {
  HistogramSnapshot seen;
  for (std::size_t i = 0; i < kHistogramBuckets; ++i) {
    seen.counts[i] = counts_[i].load(std::memory_order_relaxed);
    seen.count += seen.counts[i];
  }
  seen.sum = sum_.load(std::memory_order_relaxed);
  return seen;
}

void HistogramSnapshot::merge(const HistogramSnapshot& other) {
  for (std::size_t i = 0; i < kHistogramBuckets; ++i) counts[i] += other.counts[i];
  count += other.count;
  sum += other.sum;
}

std::uint64_t HistogramSnapshot::quantile(double q) const {
  if (count == 0) return 0;
  const double clamped = std::clamp(q, 0.0, 1.0);
  const auto rank = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::ceil(clamped * static_cast<double>(count))));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kHistogramBuckets; ++i) {
    seen += counts[i];
    if (seen >= rank) return Histogram::upper_edge(i);
  }
  return Histogram::upper_edge(kHistogramBuckets - 1);
}

std::uint64_t HistogramSnapshot::count_at_most(std::uint64_t limit) const {
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kHistogramBuckets && Histogram::upper_edge(i) <= limit; ++i) {
    seen += counts[i];
  }
  return seen;
}

}  // namespace mlops
