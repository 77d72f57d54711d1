#include "trees/column_bins.h"

#include <algorithm>
#include <limits>
#include <span>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace mlops {
namespace {

constexpr std::size_t kBordersMax = 255;  // of a column
constexpr std::size_t kBlock = 16;        // borders compared at once; and blocks

// What one call turns into bytes. The loops below copy what they use: a byte that is written may,
// for all a compiler knows, be a part of this.
struct Work {
  std::span<const BinColumn> columns;
  const float* borders;
  RowTile tile;
  std::uint8_t* bytes;
  std::size_t column_step;
  std::size_t row_step;
};

// The three below are one loop over three ways to count borders below x. NaN is above none.
void fill_baseline(const Work& work) {
  const auto below = [](const float* sixteen, float x) {
    unsigned count = 0;
    for (std::size_t i = 0; i < kBlock; ++i) count += static_cast<unsigned>(sixteen[i] < x);
    return count;
  };
  const Work with = work;
  std::uint8_t* bytes = with.bytes;
  for (const BinColumn column : with.columns) {
    const float* borders = with.borders + column.first;
    const float* blocks = borders + (column.several_blocks ? kBlock : 0);
    const float* x = with.tile.rows + column.feature;
    std::uint8_t* byte = bytes;
    for (std::size_t row = 0; row < with.tile.count; ++row) {
      const float value = *x;
      const std::size_t block = column.several_blocks ? below(borders, value) * kBlock : 0;
      const std::size_t count = block + below(blocks + block, value);
      *byte = value == value ? static_cast<std::uint8_t>(count) : column.nan_byte;
      x += with.tile.stride;
      byte += with.row_step;
    }
    bytes += with.column_step;
  }
}

#if defined(__x86_64__)
[[gnu::target("avx2,popcnt")]] inline unsigned below_avx2(const float* borders, __m256 x) {
  const __m256 low = _mm256_cmp_ps(_mm256_loadu_ps(borders), x, _CMP_LT_OQ);
  const __m256 high = _mm256_cmp_ps(_mm256_loadu_ps(borders + 8), x, _CMP_LT_OQ);
  return static_cast<unsigned>(
      __builtin_popcount(static_cast<unsigned>(_mm256_movemask_ps(low)) |
                         static_cast<unsigned>(_mm256_movemask_ps(high)) << 8));
}

[[gnu::target("avx2,popcnt")]] void fill_avx2(const Work& work) {
  const Work with = work;
  std::uint8_t* bytes = with.bytes;
  for (const BinColumn column : with.columns) {
    const float* borders = with.borders + column.first;
    const float* blocks = borders + (column.several_blocks ? kBlock : 0);
    const float* x = with.tile.rows + column.feature;
    std::uint8_t* byte = bytes;
    for (std::size_t row = 0; row < with.tile.count; ++row) {
      const float value = *x;
      const __m256 all = _mm256_set1_ps(value);
      const std::size_t block = column.several_blocks ? below_avx2(borders, all) * kBlock : 0;
      const std::size_t count = block + below_avx2(blocks + block, all);
      *byte = value == value ? static_cast<std::uint8_t>(count) : column.nan_byte;
      x += with.tile.stride;
      byte += with.row_step;
    }
    bytes += with.column_step;
  }
}

[[gnu::target("avx512f,popcnt")]] inline unsigned below_avx512(const float* borders, __m512 x) {
  return static_cast<unsigned>(
      __builtin_popcount(_mm512_cmp_ps_mask(_mm512_loadu_ps(borders), x, _CMP_LT_OQ)));
}

[[gnu::target("avx512f,popcnt")]] void fill_avx512(const Work& work) {
  const Work with = work;
  std::uint8_t* bytes = with.bytes;
  for (const BinColumn column : with.columns) {
    const float* borders = with.borders + column.first;
    const float* blocks = borders + (column.several_blocks ? kBlock : 0);
    const float* x = with.tile.rows + column.feature;
    std::uint8_t* byte = bytes;
    for (std::size_t row = 0; row < with.tile.count; ++row) {
      const float value = *x;
      const __m512 all = _mm512_set1_ps(value);
      const std::size_t block = column.several_blocks ? below_avx512(borders, all) * kBlock : 0;
      const std::size_t count = block + below_avx512(blocks + block, all);
      *byte = value == value ? static_cast<std::uint8_t>(count) : column.nan_byte;
      x += with.tile.stride;
      byte += with.row_step;
    }
    bytes += with.column_step;
  }
}
#endif

}  // namespace

std::optional<ColumnBins> ColumnBins::of(const Forest& forest, std::size_t columns_max,
                                         InstructionSet set) {
  ColumnBins bins;
  bins.set_ = set;
  for (const ForestNode& node : forest.nodes) {
    if (node.mode == NodeMode::leaf) continue;
    const Split split = *split_of(node);
    bins.borders_of_[{node.feature, split.nan_goes_left}].push_back(split.threshold);
  }
  for (auto& [key, values] : bins.borders_of_) {
    std::ranges::sort(values);
    values.erase(std::unique(values.begin(), values.end()), values.end());
    bins.first_column_of_[key] = bins.columns_.size();
    for (std::size_t at = 0; at < values.size(); at += kBordersMax) {
      const auto from = values.begin() + static_cast<std::ptrdiff_t>(at);
      const auto count = std::min(kBordersMax, values.size() - at);
      bins.add_column(key.first, key.second, {from, from + static_cast<std::ptrdiff_t>(count)});
    }
    if (bins.columns_.size() > columns_max) return std::nullopt;
  }
  return bins;
}

void ColumnBins::add_column(std::uint32_t feature, bool nan_goes_left, std::vector<float> sorted) {
  BinColumn column;
  column.feature = feature;
  column.nan_byte = nan_goes_left ? 0 : 255;
  column.first = static_cast<std::uint32_t>(borders_.size());
  const std::size_t blocks = (sorted.size() + kBlock - 1) / kBlock;
  column.several_blocks = blocks > 1;
  // One more block than needed: a value above the last border of a full last block looks there.
  sorted.resize((blocks + 1) * kBlock, std::numeric_limits<float>::infinity());
  for (std::size_t i = 0; column.several_blocks && i < kBlock; ++i) {
    borders_.push_back(i < blocks ? sorted[i * kBlock + kBlock - 1]
                                  : std::numeric_limits<float>::infinity());
  }
  borders_.insert(borders_.end(), sorted.begin(), sorted.end());
  columns_.push_back(column);
}

BinnedSplit ColumnBins::place(std::uint32_t feature, const Split& split) const {
  const Key key{feature, split.nan_goes_left};
  const std::vector<float>& sorted = borders_of_.at(key);
  const auto found = std::ranges::lower_bound(sorted, split.threshold);
  const auto number = static_cast<std::size_t>(found - sorted.begin());
  return {static_cast<std::uint16_t>(first_column_of_.at(key) + number / kBordersMax),
          static_cast<std::uint8_t>(number % kBordersMax)};
}

void ColumnBins::fill(const RowTile& tile, std::uint8_t* bytes, std::size_t column_step,
                      std::size_t row_step) const {
  const Work work{columns_, borders_.data(), tile, bytes, column_step, row_step};
#if defined(__x86_64__)
  if (set_ == InstructionSet::avx512) return fill_avx512(work);
  if (set_ == InstructionSet::avx2) return fill_avx2(work);
#endif
  fill_baseline(work);
}

}  // namespace mlops
