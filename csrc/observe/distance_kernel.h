#pragma once
// The sums that distances are made from, eight cells at a time, with what the reference gives to
// them worked out beforehand. Only AVX-512 has such a kernel; nominal_distances.h and
// ordered_distances.h are what everybody else runs, and what this is held against.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/instruction_set.h"
#include "observe/nominal_distances.h"
#include "observe/ordered_walk.h"
#include "observe/reference.h"

namespace mlops {

inline constexpr std::size_t kCellStep = 8;
inline constexpr std::size_t kCellsMax = kBinsMax + kCellStep;  // bins filled up, own masses

// Of each cell of the reference; bins are filled up with empty cells to whole steps, and the own
// masses follow as one more step.
struct ReferenceCells {
  std::size_t bins = 0;  // filled up
  double rows = 0;
  bool own_empty = true;  // nothing in the own masses
  std::vector<double> count;
  std::vector<double> share;     // of all rows
  std::vector<double> root;      // of the share
  std::vector<double> log_half;  // ln(count + 1/2)
  // Of bins in order, among the numbers alone: what lies before, F before and after, the share.
  double numbers = 0;
  std::vector<double> before, f_after, number_share;
  // Integrals over a bin of 1 dx, of the reference's rank within it, of its square.
  std::vector<double> width, rank_dx, rank2_dx;
};

struct DistanceKernel {
  // ln of each of eight normal numbers above 0, within two units in the last place, or 2^-52 where
  // that is more. Exactly 0 of 1.
  void (*logs)(const double (&x)[kCellStep], double (&to)[kCellStep]);
  // The roots that `nominal` takes of the window's shares: of equal shares they are equal.
  void (*roots)(const double (&x)[kCellStep], double (&to)[kCellStep]);
  // Sums over cells, which nominal_distances.h finishes. The masses as they are counted; neither
  // side is empty.
  void (*nominal)(const ReferenceCells& cells, const StreamCounts& window, NominalDistances& found);
  // Walks over the bins. `gaps`: F - G before each bin and after the last one. Adds the integrals
  // over all bins but those where F - G changes sign, whose bits it sets in `crossed`.
  void (*bins)(const ReferenceCells& cells, const StreamCounts& window, OrderedWalk& walk,
               double* gaps, std::uint8_t* crossed, OrderedDistances& found);
};

// Null where there is none, or `set` excludes it.
const DistanceKernel* distance_kernel(InstructionSet set = best_instruction_set());

}  // namespace mlops
