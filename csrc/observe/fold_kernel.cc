#include "observe/fold_kernel.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "observe/outside_look.h"

namespace mlops {
namespace {

constexpr float kNoEdge = std::numeric_limits<float>::quiet_NaN();
constexpr float kUnbounded = std::numeric_limits<float>::infinity();
constexpr unsigned kSteps = 5;

ColumnEdges column_edges(std::span<const float> edges) {
  ColumnEdges column;
  std::ranges::fill(column.sorted, kNoEdge);
  std::ranges::copy(edges, column.sorted);
  column.unused = kNoEdge;
  float* const steps[kSteps] = {&column.step0, column.step1, column.step2, column.step3,
                                column.step4};
  for (unsigned step = 0; step < kSteps; ++step) {
    for (unsigned results = 0; results < 1U << step; ++results) {
      unsigned at = (16U >> step) - 1;
      for (unsigned i = 0; i < step; ++i) {
        if ((results >> i & 1U) != 0) at += 16U >> i;
      }
      steps[step][results] = column.sorted[at];
    }
  }
  return column;
}

// Of finite values, in doubles.
void add_large(const float* tile, std::size_t stride, std::size_t rows, float median,
               BlockSums& sums, std::size_t column) {
  for (std::size_t row = 0; row < rows; ++row) {
    const float x = tile[row * stride + column];
    if (!std::isfinite(x)) continue;
    const double d = static_cast<double>(x) - static_cast<double>(median);
    sums.sum[column] += d;
    sums.sum2[column] += d * d;
  }
}

void look_plain(const float* tile, std::size_t stride, std::size_t rows, const BlockEdges& edges,
                bool infinities, Outside& found) {
  look_below_and_above(tile, stride, rows, edges, found);
  if (infinities) look_at_infinities(tile, stride, rows, found);
}

void add_infinities(const Outside& found, BlockSums& sums) {
  for (std::size_t c = 0; c < kBlockColumns; ++c) {
    sums.negative_infinity[c] += found.low[c];
    sums.positive_infinity[c] += found.high[c];
    sums.below[c] -= found.low[c];
    sums.above[c] -= found.high[c];
    sums.min[c] = std::min(sums.min[c], found.min[c]);
    sums.max[c] = std::max(sums.max[c], found.max[c]);
  }
}

// Without a branch, which half of all values would go the wrong way at.
unsigned bin_of(const ColumnEdges& column, float x) {
  unsigned bin = 0;
  for (unsigned step = kSteps; step-- > 0;) {
    const bool up = column.sorted[bin + (1U << step) - 1] <= x;
    bin |= static_cast<unsigned>(up) << step;
  }
  return bin;
}

void fold_plain(const float* tile, std::size_t stride, std::size_t rows, const BlockEdges& edges,
                BlockSums& sums) {
  TileMoments moments{};
  std::ranges::fill(moments.min, kUnbounded);
  std::ranges::fill(moments.max, -kUnbounded);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t c = 0; c < kBlockColumns; ++c) {
      const float x = tile[row * stride + c];
      sums.bits[c][bin_of(edges.columns[c], x)] += 1;
      const bool finite = std::abs(x) < kUnbounded;
      const float d = finite ? x - edges.median[c] : 0.0F;
      moments.finite[c] += finite;
      moments.sum[c] += d;
      moments.sum2[c] += d * d;
      moments.min[c] = x < moments.min[c] ? x : moments.min[c];
      moments.max[c] = x > moments.max[c] ? x : moments.max[c];
    }
  }
  add_moments(moments, tile, stride, rows, edges, look_plain, sums);
}

// Rows that only fill a tile up are missing in the first bin, and not among `rows`.
void bins_of_plain(const std::uint64_t (&bits)[kFoldedBins], std::uint64_t rows,
                   std::uint64_t (&bins)[kFoldedBins]) {
  std::ranges::copy(bits, bins);
  bins[0] = rows;
  for (std::size_t i = 1; i < kFoldedBins; ++i) bins[0] -= bins[i];
}

}  // namespace

BlockSums::BlockSums() {
  std::ranges::fill(min, kUnbounded);
  std::ranges::fill(max, -kUnbounded);
}

BlockEdges block_edges(std::span<const StreamReference> streams) {
  BlockEdges block;
  for (std::size_t c = 0; c < kBlockColumns; ++c) {
    const bool numeric = c < streams.size() && streams[c].counts.kind == StreamKind::numeric;
    const NumericBins none;
    const NumericBins& bins = numeric ? streams[c].numeric : none;
    const bool folded = bins.edges.size() < kFoldedBins;
    block.columns[c] =
        column_edges(folded ? std::span<const float>(bins.edges) : std::span<const float>());
    block.median[c] = bins.median;
    block.min[c] = numeric ? bins.min : -kUnbounded;
    block.max[c] = numeric ? bins.max : kUnbounded;
  }
  return block;
}

void add_moments(const TileMoments& moments, const float* tile, std::size_t stride,
                 std::size_t rows, const BlockEdges& edges, OutsideLook look, BlockSums& sums) {
  bool outside = false;
  bool infinities = false;
  for (std::size_t c = 0; c < kBlockColumns; ++c) {
    outside |= moments.min[c] < edges.min[c] || moments.max[c] > edges.max[c];
    // Of a column without a number they are infinite as well, the other way round.
    infinities |= moments.min[c] == -kUnbounded || moments.max[c] == kUnbounded;
  }
  if (outside || infinities) {
    Outside found;
    look(tile, stride, rows, edges, infinities, found);
    for (std::size_t c = 0; c < kBlockColumns; ++c) {
      sums.below[c] += found.below[c];
      sums.above[c] += found.above[c];
    }
    if (infinities) add_infinities(found, sums);
  }
  for (std::size_t c = 0; c < kBlockColumns; ++c) {
    sums.finite[c] += moments.finite[c];
    if (std::isfinite(moments.sum2[c]) && std::isfinite(moments.sum[c])) {
      sums.sum[c] += static_cast<double>(moments.sum[c]);
      sums.sum2[c] += static_cast<double>(moments.sum2[c]);
    } else {
      add_large(tile, stride, rows, edges.median[c], sums, c);
    }
    if (infinities) continue;
    sums.min[c] = std::min(sums.min[c], moments.min[c]);
    sums.max[c] = std::max(sums.max[c], moments.max[c]);
  }
}

void bins_of_sets(const std::uint64_t (&bits)[kFoldedBins], std::uint64_t rows,
                  std::uint64_t (&bins)[kFoldedBins]) {
  std::uint64_t exact[kFoldedBins];
  std::ranges::copy(bits, exact);
  exact[0] = rows;
  // Möbius over supersets: from "at least these steps went up" to "exactly these did".
  for (unsigned bit = 1; bit < kFoldedBins; bit *= 2) {
    for (unsigned set = 0; set < kFoldedBins; ++set) {
      if ((set & bit) == 0) exact[set] -= exact[set | bit];
    }
  }
  for (unsigned set = 0; set < kFoldedBins; ++set) {
    unsigned bin = 0;
    for (unsigned step = 0; step < kSteps; ++step) bin |= (set >> step & 1U) << (kSteps - 1 - step);
    bins[bin] = exact[set];
  }
}

const FoldKernel& plain_fold_kernel() {
  static constexpr FoldKernel kKernel{fold_plain, bins_of_plain, "baseline"};
  return kKernel;
}

const FoldKernel& fold_kernel(InstructionSet set) {
  if (set >= InstructionSet::avx512) {
    if (const FoldKernel* kernel = avx512_fold_kernel()) return *kernel;
  }
  if (set >= InstructionSet::avx2) {
    if (const FoldKernel* kernel = avx2_fold_kernel()) return *kernel;
  }
  return plain_fold_kernel();
}

}  // namespace mlops
