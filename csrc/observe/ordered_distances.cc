#include "observe/ordered_distances.h"

#include <algorithm>
#include <cmath>

#include "observe/ordered_walk.h"

namespace mlops {
namespace {

double numbers_in(const StreamCounts& counts) {
  return static_cast<double>(counts.rows() - counts.own(OwnMass::missing));
}

}  // namespace

OrderedDistances ordered_distances(const StreamCounts& reference, const StreamCounts& window,
                                   const BinGeometry& geometry) {
  OrderedDistances found;
  found.reference_rows = numbers_in(reference);
  found.window_rows = numbers_in(window);
  if (found.reference_rows == 0 || found.window_rows == 0) return found;
  OrderedWalk walk(found.reference_rows, found.window_rows);
  const auto own = [&](OwnMass mass) { walk.cell(reference.own(mass), window.own(mass)); };
  own(OwnMass::negative_infinity);
  own(OwnMass::below_range);
  const bool placed = geometry.bins() == reference.bins;
  double square = 0;
  for (std::size_t i = 0; i < reference.bins; ++i) {
    const double left = walk.gap();
    walk.cell(reference.masses[i], window.masses[i]);
    if (!placed) continue;
    found.w1 += geometry.integral_of_absolute(i, left, walk.gap());
    square += geometry.integral_of_square(i, left, walk.gap());
  }
  own(OwnMass::above_range);
  own(OwnMass::positive_infinity);
  walk.finish(found);
  found.energy = std::sqrt(std::max(0.0, 2 * square));
  return found;
}

}  // namespace mlops
