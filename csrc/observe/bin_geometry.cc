#include "observe/bin_geometry.h"

#include <algorithm>
#include <cmath>

namespace mlops {
namespace {

// Between the two knots around a rank.
template <class Knots>
double value_at(const Knots& knots, double rank) {
  const auto after =
      std::ranges::lower_bound(knots, rank, {}, [](const auto& k) { return k.rank; });
  if (after == knots.begin()) return after->x;
  if (after == knots.end()) return knots.back().x;
  const auto& before = *(after - 1);
  const double share = (rank - before.rank) / (after->rank - before.rank);
  return before.x + share * (after->x - before.x);
}

// Of a value that several knots share: the least.
template <class Knots>
double rank_at(const Knots& knots, double x) {
  const auto after = std::ranges::lower_bound(knots, x, {}, [](const auto& k) { return k.x; });
  if (after == knots.end()) return 1;
  if (after->x == x || after == knots.begin()) return after->rank;
  const auto& before = *(after - 1);
  const double share = (x - before.x) / (after->x - before.x);
  return before.rank + share * (after->rank - before.rank);
}

}  // namespace

BinGeometry::BinGeometry(std::span<const float> edges, std::span<const float> quantiles, float min,
                         float max) {
  if (quantiles.empty()) return;
  lower_ = quantiles.front();
  upper_ = quantiles.back();
  std::vector<Knot> ranks;
  ranks.reserve(quantiles.size() + 2);
  ranks.push_back({min, 0});
  const auto k = static_cast<double>(quantiles.size());
  for (const float x : quantiles) {
    ranks.push_back({x, (static_cast<double>(ranks.size()) - 0.5) / k});
  }
  ranks.push_back({max, 1});
  iqr_ = value_at(ranks, 0.75) - value_at(ranks, 0.25);
  bins_.reserve(edges.size() + 1);
  double from = min;
  for (const float edge : edges) {
    add_bin(from, edge, ranks);
    from = edge;
  }
  add_bin(from, max, ranks);
}

void BinGeometry::add_bin(double from, double to, std::span<const Knot> ranks) {
  Bin bin;
  bin.first_knot = knots_.size();
  const double first = rank_at(ranks, from);
  const double last = rank_at(ranks, to);
  const auto add = [&](double x, double rank) {
    const double own = last > first ? std::clamp((rank - first) / (last - first), 0.0, 1.0) : 0;
    if (x >= lower_ && x <= upper_) knots_.push_back({x, own});
  };
  add(from, first);
  // What shares the left edge's value lies in this bin; what shares the right edge's does not.
  const auto by_x = [](const Knot& knot) { return knot.x; };
  const auto inner_end = std::ranges::lower_bound(ranks, to, {}, by_x);
  for (auto it = std::ranges::lower_bound(ranks, from, {}, by_x); it < inner_end; ++it) {
    add(it->x, it->rank);
  }
  add(to, last);
  bin.last_knot = knots_.size();
  for (std::size_t i = bin.first_knot + 1; i < bin.last_knot; ++i) {
    const Knot& a = knots_[i - 1];
    const Knot& b = knots_[i];
    const double dx = b.x - a.x;
    bin.width += dx;
    bin.rank_dx += dx * (a.rank + b.rank) / 2;
    bin.rank2_dx += dx * (a.rank * a.rank + a.rank * b.rank + b.rank * b.rank) / 3;
  }
  bins_.push_back(bin);
}

double BinGeometry::integral_of_absolute(std::size_t bin, double left, double right) const {
  const Bin& b = bins_[bin];
  if (left * right >= 0) return std::abs(left * b.width + (right - left) * b.rank_dx);
  double sum = 0;
  for (std::size_t i = b.first_knot + 1; i < b.last_knot; ++i) {
    const double dx = knots_[i].x - knots_[i - 1].x;
    const double f0 = left + (right - left) * knots_[i - 1].rank;
    const double f1 = left + (right - left) * knots_[i].rank;
    const double size = std::abs(f0) + std::abs(f1);
    if (size == 0) continue;
    sum += dx * (f0 * f1 >= 0 ? size / 2 : (f0 * f0 + f1 * f1) / (2 * size));
  }
  return sum;
}

BinGeometry::Integrals BinGeometry::integrals(std::size_t bin) const {
  const Bin& b = bins_[bin];
  return {b.width, b.rank_dx, b.rank2_dx};
}

double BinGeometry::integral_of_square(std::size_t bin, double left, double right) const {
  const Bin& b = bins_[bin];
  const double slope = right - left;
  return left * left * b.width + 2 * left * slope * b.rank_dx + slope * slope * b.rank2_dx;
}

}  // namespace mlops
