#include "loadgen/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace mlops::loadgen {
namespace {

constexpr unsigned kStepBits =
    10;  // 1024 steps per power of two: more than the 1000 that three digits need
constexpr std::uint64_t kSteps = std::uint64_t{1} << kStepBits;
constexpr std::uint64_t kLinear = 2 * kSteps;

}  // namespace

Histogram::Histogram() : counts_(index_of(kValueMax_ns) + 1, 0) {}

std::size_t Histogram::index_of(std::uint64_t value_ns) noexcept {
  const std::uint64_t value = std::min(value_ns, kValueMax_ns);
  if (value < kLinear) return value;
  const auto shift = static_cast<unsigned>(std::bit_width(value)) - kStepBits - 1;
  return kLinear + (shift - 1) * kSteps + ((value >> shift) - kSteps);
}

std::uint64_t Histogram::lower_edge_ns(std::size_t index) noexcept {
  if (index < kLinear) return index;
  const std::size_t octave = (index - kLinear) / kSteps;
  const std::size_t step = (index - kLinear) % kSteps;
  return (kSteps + step) << (octave + 1);
}

std::uint64_t Histogram::width_ns(std::size_t index) noexcept {
  return index < kLinear ? 1 : std::uint64_t{1} << ((index - kLinear) / kSteps + 1);
}

void Histogram::record(std::uint64_t value_ns) noexcept {
  const std::uint64_t value = std::min(value_ns, kValueMax_ns);
  ++counts_[index_of(value)];
  ++count_;
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value);
}

void Histogram::add(const Histogram& other) noexcept {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
}

double Histogram::mean_ns() const noexcept {
  return count_ == 0 ? 0 : sum_ / static_cast<double>(count_);
}

std::uint64_t Histogram::quantile_ns(double q) const noexcept {
  if (count_ == 0) return 0;
  const double exact = std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(count_));
  const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(exact));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= rank) return std::clamp(lower_edge_ns(i) + (width_ns(i) - 1) / 2, min_, max_);
  }
  return max_;
}

std::vector<Histogram::Cell> Histogram::cells() const {
  std::vector<Cell> cells;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    if (counts_[i] != 0) cells.push_back({lower_edge_ns(i), counts_[i]});
  }
  return cells;
}

}  // namespace mlops::loadgen
