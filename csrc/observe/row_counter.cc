#include "observe/row_counter.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

#include "observe/category_codes.h"

namespace mlops {
namespace {

constexpr std::size_t kTileBytes = std::size_t{1} << 18;  // of very wide rows there are fewer
constexpr std::size_t kTileRowsMin = 64;

std::size_t whole(std::size_t size, std::size_t step) { return (size + step - 1) / step * step; }

std::size_t rows_for(std::size_t stride) {
  const std::size_t fit = kTileBytes / (stride * sizeof(float)) / kRowStep * kRowStep;
  return std::clamp(fit, kTileRowsMin, kTileRows);
}

std::size_t wide_bin(const std::vector<float>& edges, float x) {
  std::size_t bin = 0;
  for (std::size_t width = (edges.size() + 1) / 2; width > 0; width /= 2) {
    const bool up = edges[bin + width - 1] <= x;
    bin += (std::size_t{0} - static_cast<std::size_t>(up)) & width;  // no branch
  }
  return bin;
}

}  // namespace

RowCounter::RowCounter(ReferencePtr reference, const FoldKernel& kernel, std::size_t rows_max)
    : reference_(std::move(reference)),
      kernel_(kernel),
      stride_(whole(reference_->streams.size(), kBlockColumns)),
      tile_rows_(std::min(rows_for(stride_), rows_max)),
      tile_(static_cast<float*>(
          ::operator new (tile_rows_* stride_ * sizeof(float), std::align_val_t{64}))) {
  std::fill_n(tile_.get(), tile_rows_ * stride_, 0.0F);
  const std::vector<StreamReference>& streams = reference_->streams;
  for (std::size_t i = 0; i < streams.size(); i += kBlockColumns) {
    edges_.push_back(block_edges(std::span(streams).subspan(i)));
  }
  sums_.resize(edges_.size());
  for (std::size_t i = 0; i < streams.size(); ++i) add_wide(streams[i], i);
}

void RowCounter::add_wide(const StreamReference& stream, std::size_t index) {
  WideStream wide{index, {}, {}};
  if (stream.counts.kind == StreamKind::categorical) {
    wide.counts.assign(static_cast<std::size_t>(kNewCode) + 1, 0);
  } else if (stream.counts.bins > kFoldedBins) {
    wide.edges = stream.numeric.edges;
    const std::size_t bins = std::bit_ceil<std::size_t>(stream.counts.bins);
    wide.edges.resize(bins - 1, std::numeric_limits<float>::quiet_NaN());
    wide.counts.assign(bins, 0);
  } else {
    return;
  }
  wide_.push_back(std::move(wide));
}

void RowCounter::fold_wide(WideStream& wide) {
  const float* value = tile_.get() + wide.stream;
  for (std::size_t row = 0; row < staged_; ++row, value += stride_) {
    if (!wide.edges.empty()) {
      ++wide.counts[wide_bin(wide.edges, *value)];
    } else if (*value == *value) {
      ++wide.counts[static_cast<std::size_t>(*value)];
    }
  }
}

void RowCounter::fold() {
  if (staged_ == 0) return;
  const std::size_t rows = whole(staged_, kRowStep);
  std::fill_n(next_row(), (rows - staged_) * stride_, std::numeric_limits<float>::quiet_NaN());
  for (std::size_t block = 0; block < edges_.size(); ++block) {
    kernel_.fold(tile_.get() + block * kBlockColumns, stride_, rows, edges_[block], sums_[block]);
  }
  for (WideStream& wide : wide_) fold_wide(wide);
  folded_ += staged_;
  staged_ = 0;
}

std::size_t RowCounter::fold_in_place(const float* rows, std::size_t count) {
  const bool aligned =
      reinterpret_cast<std::uintptr_t>(rows) % (kBlockColumns * sizeof(float)) == 0;
  if (!aligned || staged_ > 0 || !wide_.empty()) return 0;
  if (reference_->streams.size() != stride_) return 0;
  const std::size_t whole_steps = count / kRowStep * kRowStep;
  for (std::size_t first = 0; first < whole_steps;) {
    const std::size_t now = std::min(whole_steps - first, kTileRows);
    for (std::size_t block = 0; block < edges_.size(); ++block) {
      kernel_.fold(rows + first * stride_ + block * kBlockColumns, stride_, now, edges_[block],
                   sums_[block]);
    }
    first += now;
  }
  folded_ += whole_steps;
  return whole_steps;
}

// `bins`: all of the stream's rows, where missing and -inf are in the first one and all that is too
// great in the last; of a categorical stream its codes.
void RowCounter::take_stream(std::size_t index, const std::uint64_t* bins, StreamCounts& to) const {
  std::uint64_t* const masses = to.masses.data();
  if (to.kind == StreamKind::categorical) {
    const std::uint64_t other = bins[static_cast<std::size_t>(kOtherCode)];
    const std::uint64_t fresh = bins[static_cast<std::size_t>(kNewCode)];
    std::uint64_t present = other + fresh;
    for (std::uint32_t i = 0; i < to.bins; ++i) {
      masses[i] += bins[i];
      present += bins[i];
    }
    to.own(OwnMass::other_category) += other;
    to.own(OwnMass::new_category) += fresh;
    to.own(OwnMass::missing) += folded_ - present;
    return;
  }
  const BlockSums& sums = sums_[index / kBlockColumns];
  const std::size_t c = index % kBlockColumns;
  const std::uint64_t low = sums.negative_infinity[c];
  const std::uint64_t high = sums.positive_infinity[c];
  const std::uint64_t missing = folded_ - sums.finite[c] - low - high;
  for (std::uint32_t i = 0; i < to.bins; ++i) masses[i] += bins[i];
  masses[0] -= missing + low + sums.below[c];
  masses[to.bins - 1] -= high + sums.above[c];
  to.own(OwnMass::missing) += missing;
  to.own(OwnMass::negative_infinity) += low;
  to.own(OwnMass::positive_infinity) += high;
  to.own(OwnMass::below_range) += sums.below[c];
  to.own(OwnMass::above_range) += sums.above[c];
  to.moments.add({sums.finite[c], sums.sum[c], sums.sum2[c], sums.min[c], sums.max[c]});
}

void RowCounter::take(CountsTable& to) {
  if (folded_ == 0) return;
  auto wide = wide_.begin();
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (wide != wide_.end() && wide->stream == i) {
      if (!wide->edges.empty()) {
        // Rows that filled a tile up are not among the staged ones: none to take out.
        wide->counts[0] = folded_;
        for (std::size_t bin = 1; bin < wide->counts.size(); ++bin) {
          wide->counts[0] -= wide->counts[bin];
        }
      }
      take_stream(i, wide->counts.data(), to[i]);
      std::ranges::fill(wide->counts, 0);
      ++wide;
      continue;
    }
    std::uint64_t bins[kFoldedBins];
    kernel_.bins_of(sums_[i / kBlockColumns].bits[i % kBlockColumns], folded_, bins);
    take_stream(i, bins, to[i]);
  }
  std::ranges::fill(sums_, BlockSums{});
  folded_ = 0;
}

}  // namespace mlops
