#pragma once
// How far two streams of numbers are apart, by their counts on bins that have an order: -inf, below
// the reference's range, the bins, above it, +inf. Missing values have no place in an order and are
// left out here; the nominal distances see them. Conventions and sources: docs/drift.md.

#include "observe/bin_geometry.h"
#include "observe/counts.h"

namespace mlops {

// F and G are the distribution functions of the reference and of the window, known at the bins'
// borders. An empty side differs from nothing: all are 0.
struct OrderedDistances {
  double reference_rows = 0;  // numbers alone, infinities with them
  double window_rows = 0;
  double ks = 0;  // max |F - G| at the borders; what the rows themselves give is at least that
  double ks_upper = 0;  // and at most this, wherever they lie in their bins
  double kuiper = 0;    // max (F - G) + max (G - F) at the borders
  double cvm = 0;       // Cramer-von Mises T of the bins' numbers, ties by mid-ranks
  double ad = 0;        // Anderson-Darling A^2 of the bins' numbers, ties by mid-ranks

  // In the stream's own unit; each value beyond the geometry's limits counts as if it lay there.
  double w1 = 0;      // integral |F - G| dx
  double energy = 0;  // sqrt(2 integral (F - G)^2 dx)
};

OrderedDistances ordered_distances(const StreamCounts& reference, const StreamCounts& window,
                                   const BinGeometry& geometry);

}  // namespace mlops
