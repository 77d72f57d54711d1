#include "observe/stream_comparer.h"

#include <cmath>

namespace mlops {
namespace {

std::size_t filled_up(std::size_t bins) { return (bins + kCellStep - 1) / kCellStep * kCellStep; }

BinGeometry geometry_of(const StreamReference& stream) {
  if (stream.counts.kind == StreamKind::categorical) return {};
  const NumericBins& bins = stream.numeric;
  return {bins.edges, bins.quantiles, bins.min, bins.max};
}

std::vector<double> roots_of(const std::vector<double>& shares, const DistanceKernel& kernel) {
  std::vector<double> roots(shares.size());
  double x[kCellStep];
  double root[kCellStep];
  for (std::size_t i = 0; i < shares.size(); i += kCellStep) {
    std::copy_n(&shares[i], kCellStep, x);
    kernel.roots(x, root);
    std::copy_n(root, kCellStep, &roots[i]);
  }
  return roots;
}

}  // namespace

StreamComparer::StreamComparer(StreamCounts reference, BinGeometry geometry, InstructionSet set)
    : reference_(std::move(reference)),
      geometry_(std::move(geometry)),
      kernel_(filled_up(reference_.bins) + kCellStep <= kCellsMax ? distance_kernel(set) : nullptr),
      rates_(rates_of(reference_)),
      moments_(mean_and_std(reference_.moments)),
      rows_(reference_.rows()) {
  if (kernel_) add_cells();
}

StreamComparer::StreamComparer(const StreamReference& stream)
    : StreamComparer(stream.counts, geometry_of(stream)) {}

void StreamComparer::add_cells() {
  ReferenceCells& cells = cells_;
  cells.bins = filled_up(reference_.bins);
  cells.rows = static_cast<double>(rows_);
  cells.count.resize(cells.bins + kCellStep);
  std::copy_n(reference_.masses.begin(), reference_.bins, cells.count.begin());
  std::copy_n(reference_.masses.begin() + reference_.bins, kOwnMasses,
              cells.count.begin() + static_cast<std::ptrdiff_t>(cells.bins));
  for (const double count : cells.count) {
    cells.share.push_back(cells.rows > 0 ? count / cells.rows : 0);
    cells.log_half.push_back(std::log(count + 0.5));
  }
  cells.root = roots_of(cells.share, *kernel_);
  cells.numbers = static_cast<double>(rows_ - reference_.own(OwnMass::missing));
  double before = static_cast<double>(reference_.own(OwnMass::negative_infinity) +
                                      reference_.own(OwnMass::below_range));
  for (std::size_t i = 0; i < cells.bins; ++i) {
    cells.before.push_back(before);
    before += cells.count[i];
    cells.f_after.push_back(cells.numbers > 0 ? before / cells.numbers : 0);
    cells.number_share.push_back(cells.numbers > 0 ? cells.count[i] / cells.numbers : 0);
    const bool placed = geometry_.bins() == reference_.bins && i < reference_.bins;
    const BinGeometry::Integrals of = placed ? geometry_.integrals(i) : BinGeometry::Integrals();
    cells.width.push_back(of.width);
    cells.rank_dx.push_back(of.rank_dx);
    cells.rank2_dx.push_back(of.rank2_dx);
  }
}

OrderedDistances StreamComparer::ordered(const StreamCounts& window) const {
  OrderedDistances found;
  found.reference_rows = cells_.numbers;
  found.window_rows = static_cast<double>(window.rows() - window.own(OwnMass::missing));
  if (found.reference_rows == 0 || found.window_rows == 0) return found;
  OrderedWalk walk(found.reference_rows, found.window_rows);
  const auto own = [&](OwnMass mass) { walk.cell(reference_.own(mass), window.own(mass)); };
  own(OwnMass::negative_infinity);
  own(OwnMass::below_range);
  double gaps[kCellsMax + 1];
  std::uint8_t crossed[kCellsMax / kCellStep];
  kernel_->bins(cells_, window, walk, gaps, crossed, found);
  for (std::size_t step = 0; step < cells_.bins / kCellStep; ++step) {
    for (unsigned bits = crossed[step]; bits != 0; bits &= bits - 1) {
      const std::size_t bin = step * kCellStep + static_cast<unsigned>(__builtin_ctz(bits));
      if (bin >= geometry_.bins()) continue;
      found.w1 += geometry_.integral_of_absolute(bin, gaps[bin], gaps[bin + 1]);
    }
  }
  own(OwnMass::above_range);
  own(OwnMass::positive_infinity);
  walk.finish(found);
  found.energy = std::sqrt(std::max(0.0, 2 * found.energy));
  return found;
}

StreamComparison StreamComparer::compare(const StreamCounts& window) const {
  if (!kernel_) return compare_stream(reference_, window, geometry_);
  StreamComparison found;
  found.kind = reference_.kind;
  found.reference_rows = rows_;
  found.window_rows = window.rows();
  kernel_->nominal(cells_, window, found.nominal);
  if (rows_ > 0 && found.window_rows > 0) {
    finish_nominal(found.nominal, cells_.rows, static_cast<double>(found.window_rows));
  }
  found.reference_rates = rates_;
  found.window_rates = rates_of(window);
  if (reference_.kind == StreamKind::categorical) return found;
  found.ordered = ordered(window);
  compare_moments(moments_, reference_, window, geometry_, found);
  return found;
}

ReferenceComparerPtr comparer_of(const Reference& reference) {
  auto made = std::make_shared<ReferenceComparer>();
  for (const StreamReference& stream : reference.streams) made->emplace_back(stream);
  return made;
}

}  // namespace mlops
