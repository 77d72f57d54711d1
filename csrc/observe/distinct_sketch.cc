#include "observe/distinct_sketch.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

#include "observe/stable_hash.h"

namespace mlops {
namespace {

// Of Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", section 2: what
// registers that are still empty, and those that are full, add to the harmonic mean.
double sigma(double x) {
  if (x == 1) return std::numeric_limits<double>::infinity();
  double y = 1;
  double z = x;
  for (double before = -1; z != before;) {
    before = z;
    x *= x;
    z += x * y;
    y += y;
  }
  return z;
}

double tau(double x) {
  if (x == 0 || x == 1) return 0;
  double y = 1;
  double z = 1 - x;
  for (double before = -1; z != before;) {
    before = z;
    x = std::sqrt(x);
    y /= 2;
    z -= (1 - x) * (1 - x) * y;
  }
  return z / 3;
}

}  // namespace

void DistinctSketch::add(double number) {
  if (!std::isnan(number)) add_hash(stable_hash(number));
}

void DistinctSketch::add(std::string_view text) { add_hash(stable_hash(text)); }

void DistinctSketch::add_hash(std::uint64_t hash) {
  const std::uint64_t rest = hash << kIndexBits;
  const int rank = rest == 0 ? kRankMax : std::countl_zero(rest) + 1;
  std::uint8_t& held = ranks_[hash >> (64 - kIndexBits)];
  held = std::max(held, static_cast<std::uint8_t>(rank));
}

void DistinctSketch::merge(const DistinctSketch& other) {
  for (std::size_t i = 0; i < kRegisters; ++i) {
    ranks_[i] = std::max(ranks_[i], other.ranks_[i]);
  }
}

double DistinctSketch::estimate() const {
  std::array<std::uint32_t, kRankMax + 1> of_rank{};
  for (const std::uint8_t rank : ranks_) ++of_rank[rank];
  constexpr auto kAll = static_cast<double>(kRegisters);
  if (of_rank[0] == kRegisters) return 0;
  double sum = kAll * tau(1 - of_rank[kRankMax] / kAll);
  for (int rank = kRankMax - 1; rank > 0; --rank) sum = 0.5 * (sum + of_rank[rank]);
  sum += kAll * sigma(of_rank[0] / kAll);
  return kAll * kAll / (2 * std::numbers::ln2 * sum);
}

// What is not empty: how far it is from the one before, and what it holds.
void DistinctSketch::write(ProfileWriter& to) const {
  to.varint(kRegisters - std::ranges::count(ranks_, 0));
  std::size_t next = 0;
  for (std::size_t i = 0; i < kRegisters; ++i) {
    if (ranks_[i] == 0) continue;
    to.varint(i - next);
    to.fixed(ranks_[i]);
    next = i + 1;
  }
}

DistinctSketch DistinctSketch::read(ProfileReader& from) {
  DistinctSketch made;
  std::size_t next = 0;
  for (std::uint64_t left = from.varint(kRegisters); left > 0 && from.ok(); --left) {
    if (next == kRegisters) {
      from.fail();
      break;
    }
    const std::size_t at = next + from.varint(kRegisters - 1 - next);
    const auto rank = from.fixed<std::uint8_t>();
    if (rank == 0 || rank > kRankMax) from.fail();
    if (!from.ok()) break;
    made.ranks_[at] = rank;
    next = at + 1;
  }
  return made;
}

}  // namespace mlops
