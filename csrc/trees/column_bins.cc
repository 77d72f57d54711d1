#include "trees/column_bins.h"

#include <algorithm>
#include <limits>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace mlops {
namespace {

constexpr std::size_t kBordersMax = 255;  // of a column
constexpr std::size_t kBlock = 16;        // borders compared at once; and blocks

// One column of one tile: the last border of each of its blocks, then the blocks.
struct Search {
  const float* borders;
  bool several_blocks;
  std::uint8_t nan_byte;
  const float* x;
  std::size_t stride;
  std::size_t rows;
  std::uint8_t* bytes;
  std::size_t step;
};

// The three below are one loop over three ways to count borders below x. NaN is above none.
void search_baseline(const Search& search) {
  for (std::size_t row = 0; row < search.rows; ++row) {
    const float x = search.x[row * search.stride];
    const float* borders = search.borders;
    const auto below = [x](const float* sixteen) {
      unsigned count = 0;
      for (std::size_t i = 0; i < kBlock; ++i) count += static_cast<unsigned>(sixteen[i] < x);
      return count;
    };
    unsigned block = 0;
    if (search.several_blocks) {
      block = below(borders) * kBlock;
      borders += kBlock;
    }
    const unsigned byte = block + below(borders + block);
    search.bytes[row * search.step] = x == x ? static_cast<std::uint8_t>(byte) : search.nan_byte;
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

[[gnu::target("avx2,popcnt")]] void search_avx2(const Search& search) {
  for (std::size_t row = 0; row < search.rows; ++row) {
    const float x = search.x[row * search.stride];
    const __m256 all = _mm256_set1_ps(x);
    const float* borders = search.borders;
    unsigned block = 0;
    if (search.several_blocks) {
      block = below_avx2(borders, all) * kBlock;
      borders += kBlock;
    }
    const unsigned byte = block + below_avx2(borders + block, all);
    search.bytes[row * search.step] = x == x ? static_cast<std::uint8_t>(byte) : search.nan_byte;
  }
}

[[gnu::target("avx512f,popcnt")]] inline unsigned below_avx512(const float* borders, __m512 x) {
  return static_cast<unsigned>(
      __builtin_popcount(_mm512_cmp_ps_mask(_mm512_loadu_ps(borders), x, _CMP_LT_OQ)));
}

[[gnu::target("avx512f,popcnt")]] void search_avx512(const Search& search) {
  for (std::size_t row = 0; row < search.rows; ++row) {
    const float x = search.x[row * search.stride];
    const __m512 all = _mm512_set1_ps(x);
    const float* borders = search.borders;
    unsigned block = 0;
    if (search.several_blocks) {
      block = below_avx512(borders, all) * kBlock;
      borders += kBlock;
    }
    const unsigned byte = block + below_avx512(borders + block, all);
    search.bytes[row * search.step] = x == x ? static_cast<std::uint8_t>(byte) : search.nan_byte;
  }
}
#endif

void search_column(InstructionSet set, const Search& search) {
#if defined(__x86_64__)
  if (set == InstructionSet::avx512) return search_avx512(search);
  if (set == InstructionSet::avx2) return search_avx2(search);
#endif
  static_cast<void>(set);
  search_baseline(search);
}

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
  Column column;
  column.feature = feature;
  column.nan_byte = nan_goes_left ? 0 : 255;
  column.first = static_cast<std::uint32_t>(borders_.size());
  column.blocks = static_cast<std::uint32_t>((sorted.size() + kBlock - 1) / kBlock);
  // One more block than needed: a value above the last border of a full last block looks there.
  sorted.resize((column.blocks + 1) * kBlock, std::numeric_limits<float>::infinity());
  if (column.blocks > 1) {
    for (std::size_t i = 0; i < kBlock; ++i) {
      borders_.push_back(i < column.blocks ? sorted[i * kBlock + kBlock - 1]
                                           : std::numeric_limits<float>::infinity());
    }
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
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    const Column& column = columns_[i];
    search_column(set_, {borders_.data() + column.first, column.blocks > 1, column.nan_byte,
                         tile.rows + column.feature, tile.stride, tile.count,
                         bytes + i * column_step, row_step});
  }
}

}  // namespace mlops
