#pragma once
// Counts tiles: up to 512 rows of 16 columns of floats, row-major, into what bins and moments are
// made from. One kernel for each instruction set; their counts are equal to the bit, and equal to
// std::upper_bound over the edges. How it works: docs/adr/0032-counts-and-bins.md.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/instruction_set.h"
#include "observe/reference.h"

namespace mlops {

inline constexpr std::size_t kTileRows = 512;
inline constexpr std::size_t kBlockColumns = 16;
inline constexpr std::size_t kRowStep = 16;  // a tile's rows are filled up with NaN to whole steps
inline constexpr std::uint32_t kFoldedBins = 32;  // of more bins, see row_counter.h

// The edges of one column, NaN beyond the last one, which nothing is equal to or greater than: in
// order, and as a search of five steps reads them. Step k looks at one of 2^k edges; which one is
// said by the results so far, the first result being the lowest bit.
struct alignas(64) ColumnEdges {
  float step4[16];
  float step3[8];
  float step2[4];
  float step1[2];
  float step0;
  float unused;
  float sorted[kFoldedBins];  // 31, and one that is never looked at
};

struct alignas(64) BlockEdges {
  ColumnEdges columns[kBlockColumns];
  float median[kBlockColumns];
  float min[kBlockColumns];
  float max[kBlockColumns];
};

// What is known of 16 columns; the rows are counted by whoever folds.
struct alignas(64) BlockSums {
  // Of each column: kernel-dependent, bins_of() knows how.
  std::uint64_t bits[kBlockColumns][kFoldedBins] = {};
  // Each value is in one of these or missing; those below and above are finite too.
  std::uint64_t finite[kBlockColumns] = {};
  std::uint64_t negative_infinity[kBlockColumns] = {};
  std::uint64_t positive_infinity[kBlockColumns] = {};
  std::uint64_t below[kBlockColumns] = {};
  std::uint64_t above[kBlockColumns] = {};
  double sum[kBlockColumns] = {};
  double sum2[kBlockColumns] = {};
  float min[kBlockColumns];
  float max[kBlockColumns];

  BlockSums();
};

struct FoldKernel {
  // Folds `rows` rows (a whole number of kRowStep, at most kTileRows) whose first float is aligned
  // to 64 bytes; `stride` floats from row to row, a whole number of kBlockColumns.
  void (*fold)(const float* tile, std::size_t stride, std::size_t rows, const BlockEdges& edges,
               BlockSums& sums);
  // How many of `rows` values fell into each bin, where missing and -inf are in the first and all
  // that is too great in the last.
  void (*bins_of)(const std::uint64_t (&bits)[kFoldedBins], std::uint64_t rows,
                  std::uint64_t (&bins)[kFoldedBins]);
  const char* name;
};

// For the columns from `first` on; columns that are no numeric stream of at most 32 bins have no
// edges and no range.
BlockEdges block_edges(std::span<const StreamReference> streams);

// The best one that this processor has and that needs no more than `set`.
const FoldKernel& fold_kernel(InstructionSet set = best_instruction_set());

const FoldKernel& plain_fold_kernel();
const FoldKernel* avx2_fold_kernel();    // null: not compiled in, or not on this processor
const FoldKernel* avx512_fold_kernel();  // likewise

// The parts that kernels share.
// Moments of a tile as a kernel finds them: of floats, infinities in min and max.
struct alignas(64) TileMoments {
  float sum[kBlockColumns];
  float sum2[kBlockColumns];
  float min[kBlockColumns];
  float max[kBlockColumns];
  std::uint32_t finite[kBlockColumns];
};
struct Outside;
using OutsideLook = void (*)(const float* tile, std::size_t stride, std::size_t rows,
                             const BlockEdges& edges, bool infinities,
                             Outside& found);  // outside_look.h
// Adds them, and looks at the tile again where something is out of range or too large to square.
void add_moments(const TileMoments& moments, const float* tile, std::size_t stride,
                 std::size_t rows, const BlockEdges& edges, OutsideLook look, BlockSums& sums);
// Of kernels whose bits[s] counts the values for which all steps in the set s went up.
void bins_of_sets(const std::uint64_t (&bits)[kFoldedBins], std::uint64_t rows,
                  std::uint64_t (&bins)[kFoldedBins]);

}  // namespace mlops
