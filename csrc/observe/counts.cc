#include "observe/counts.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace mlops {
namespace {

Status check_streams(const CountsTable& a, const CountsTable& b) {
  const bool same = std::ranges::equal(
      a, b, [](const StreamCounts& x, const StreamCounts& y) { return x.combines_with(y); });
  if (same) return {};
  return Status::invalid_argument("the counts are of different references");
}

}  // namespace

void Moments::add(const Moments& other) {
  n += other.n;
  sum += other.sum;
  sum2 += other.sum2;
  min = std::min(min, other.min);
  max = std::max(max, other.max);
}

void Moments::subtract(const Moments& other) {
  n -= other.n;
  // Nothing is left of nothing, not even what rounding leaves.
  sum = n == 0 ? 0 : sum - other.sum;
  sum2 = n == 0 ? 0 : std::max(0.0, sum2 - other.sum2);
}

std::uint64_t StreamCounts::rows() const {
  return std::reduce(masses.begin(), masses.end(), std::uint64_t{0});
}

void StreamCounts::add(const StreamCounts& other) {
  std::ranges::transform(masses, other.masses, masses.begin(), std::plus{});
  moments.add(other.moments);
}

void StreamCounts::subtract(const StreamCounts& other) {
  std::ranges::transform(masses, other.masses, masses.begin(), std::minus{});
  moments.subtract(other.moments);
}

void clear_counts(CountsTable& table) {
  for (StreamCounts& counts : table) {
    std::ranges::fill(counts.masses, 0);
    counts.moments = {};
  }
}

Status add_counts(CountsTable& to, const CountsTable& from) {
  if (Status s = check_streams(to, from); !s.ok()) return s;
  for (std::size_t i = 0; i < to.size(); ++i) to[i].add(from[i]);
  return {};
}

Status subtract_counts(CountsTable& from, const CountsTable& what) {
  if (Status s = check_streams(from, what); !s.ok()) return s;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const bool contained = std::ranges::equal(from[i].masses, what[i].masses, std::greater_equal{});
    if (!contained || from[i].moments.n < what[i].moments.n) {
      return Status::invalid_argument("more would be subtracted than was counted");
    }
  }
  for (std::size_t i = 0; i < from.size(); ++i) from[i].subtract(what[i]);
  return {};
}

}  // namespace mlops
