// One row against 64 trees at once: a lane of a vector is a tree. Trees are filled up to complete
// ones, so that all have a node at every position; a position's 64 features are picked out of the
// row's bytes by one permutation. From the lowest nodes up each takes what its left or its right
// child found, which is the number of the leaf among those of the complete tree.

#include <algorithm>
#include <utility>

#include "trees/column_bins.h"
#include "trees/leaf_finder.h"
#include "trees/split.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace mlops {

#if defined(__x86_64__)
namespace {

constexpr std::size_t kLanes = kTreesAtOnce;
static_assert(kLanes == 64);
constexpr std::size_t kLaneColumnsMax = 128;  // two registers of bytes
constexpr std::uint32_t kLaneDepthMax = 8;    // so that a leaf's number is a byte
constexpr std::size_t kPositionsMax = (std::size_t{1} << kLaneDepthMax) - 1;

// The same position of 64 trees. Positions of a level follow each other, the root's level first;
// the children of number i of a level are 2i and 2i + 1 of the next.
struct alignas(64) Position {
  std::uint8_t column[kLanes] = {};
  std::uint8_t border[kLanes] = {};
};

struct Group {
  std::uint32_t first = 0;  // in positions
  std::uint32_t depth = 0;
  std::size_t leaves = 0;  // in leaf_of_; each tree has as many
};

class LaneFinder final : public LeafFinder {
 public:
  explicit LaneFinder(ColumnBins bins) : bins_(std::move(bins)) {}

  void add_group(const Forest& forest, std::uint32_t first, std::uint32_t last) {
    Group group{static_cast<std::uint32_t>(positions_.size()), 0, leaf_of_.size()};
    for (std::uint32_t tree = first; tree < last; ++tree) {
      group.depth = std::max(group.depth, forest.depths[tree]);
    }
    positions_.resize(positions_.size() + (std::size_t{1} << group.depth) - 1);
    groups_.push_back(group);
    for (std::uint32_t tree = first; tree < last; ++tree) {
      leaf_of_.resize(leaf_of_.size() + (std::size_t{1} << group.depth));
      fill(forest, {forest.roots[tree], 0, 0, tree - first});
    }
  }

  std::string name() const override { return "lanes AVX-512"; }
  std::size_t scratch_bytes() const override {
    return kTileRows * kLaneColumnsMax + kLanes * (kPositionsMax / 2 + 1);
  }

  void prepare(const RowTile& tile, std::byte* scratch) const override {
    bins_.fill(tile, reinterpret_cast<std::uint8_t*>(scratch), 1, kLaneColumnsMax);
  }

  void find(const RowTile& tile, const LeafRange& range, std::byte* scratch) const override {
    const Group& group = groups_[range.first / kTreesAtOnce];
    auto* found = reinterpret_cast<std::uint8_t*>(scratch) + kTileRows * kLaneColumnsMax;
    // Copies: for all a compiler knows, a leaf that is written may be a part of the others.
    const std::uint32_t* const leaf_of = leaf_of_.data() + group.leaves;
    const std::uint32_t depth = group.depth;
    const std::size_t lanes = range.last - range.first;
    const std::size_t pitch = range.pitch;
    for (std::size_t row = 0; row < tile.count; ++row) {
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(scratch) + row * kLaneColumnsMax;
      if (depth == 0) {
        std::fill_n(found, kLanes, std::uint8_t{0});
      } else if (bins_.columns() <= kLanes) {
        descend<false>(group, bytes, found);
      } else {
        descend<true>(group, bytes, found);
      }
      std::uint32_t* leaf = range.leaves + row;
      for (std::size_t lane = 0; lane < lanes; ++lane, leaf += pitch) {
        *leaf = leaf_of[(lane << depth) + found[lane]];
      }
    }
  }

 private:
  struct Place {
    std::uint32_t node;
    std::uint32_t level;
    std::uint32_t number;  // in its level
    std::uint32_t lane;
  };

  // A leaf above the lowest level is the leaf of all complete leaves below it. Calls itself at
  // most kLaneDepthMax deep.
  void fill(const Forest& forest, const Place& at) {
    const Group& group = groups_.back();
    const ForestNode& node = forest.nodes[at.node];
    if (node.mode == NodeMode::leaf) {
      const std::uint32_t below = group.depth - at.level;
      const std::size_t first =
          group.leaves + (std::size_t{at.lane} << group.depth) + (std::size_t{at.number} << below);
      std::fill_n(leaf_of_.begin() + static_cast<std::ptrdiff_t>(first), std::size_t{1} << below,
                  node.on_true);
      return;
    }
    const Split split = *split_of(node);
    const BinnedSplit binned = bins_.place(node.feature, split);
    Position& position = positions_[group.first + (1U << at.level) - 1 + at.number];
    position.column[at.lane] = static_cast<std::uint8_t>(binned.column);
    position.border[at.lane] = binned.border;
    fill(forest, {split.left, at.level + 1, at.number * 2, at.lane});
    fill(forest, {split.right, at.level + 1, at.number * 2 + 1, at.lane});
  }

  template <bool two_registers>
  [[gnu::target("avx512f,avx512bw,avx512vbmi")]] static __mmask64 goes_right(
      const Position& position, __m512i low, __m512i high) {
    // With a mask of all lanes: gcc 12 warns about its own header for the form without one.
    constexpr __mmask64 kAll = ~__mmask64{0};
    const __m512i column = _mm512_load_si512(position.column);
    const __m512i value = two_registers ? _mm512_permutex2var_epi8(low, column, high)
                                        : _mm512_maskz_permutexvar_epi8(kAll, column, low);
    return _mm512_cmpgt_epu8_mask(value, _mm512_load_si512(position.border));
  }

  struct Row {
    __m512i low;  // its columns
    __m512i high;
  };

  template <bool two_registers>
  [[gnu::target("avx512f,avx512bw,avx512vbmi")]] static __m512i blend(const Position& position,
                                                                      const Row& row, __m512i left,
                                                                      __m512i right) {
    return _mm512_mask_blend_epi8(goes_right<two_registers>(position, row.low, row.high), left,
                                  right);
  }

  // What the node finds that has these four below its children, of which the first leaf is `leaf`.
  template <bool two_registers>
  [[gnu::target("avx512f,avx512bw,avx512vbmi")]] static __m512i three_levels(const Position& top,
                                                                             const Position* middle,
                                                                             const Position* low,
                                                                             const Row& row,
                                                                             __m512i leaf) {
    const __m512i two = _mm512_set1_epi8(2);
    const __m512i one = _mm512_set1_epi8(1);
    __m512i pair[4];
    for (std::size_t i = 0; i < 4; ++i) {
      pair[i] = blend<two_registers>(low[i], row, leaf, _mm512_add_epi8(leaf, one));
      leaf = _mm512_add_epi8(leaf, two);
    }
    return blend<two_registers>(top, row, blend<two_registers>(middle[0], row, pair[0], pair[1]),
                                blend<two_registers>(middle[1], row, pair[2], pair[3]));
  }

  // The three lowest levels in registers, the others by way of memory.
  template <bool two_registers>
  [[gnu::target("avx512f,avx512bw,avx512vbmi")]] void descend(const Group& group,
                                                              const std::uint8_t* bytes,
                                                              std::uint8_t* found) const {
    const Row row{_mm512_load_si512(bytes), _mm512_load_si512(bytes + kLanes)};
    std::size_t width = std::size_t{1} << (group.depth - 1);
    const Position* level = positions_.data() + group.first + width - 1;
    if (width >= 4) {
      const Position* middle = level - width / 2;
      width /= 4;
      const Position* low = std::exchange(level, middle - width);
      for (std::size_t i = 0; i < width; ++i) {
        const __m512i leaf = _mm512_set1_epi8(static_cast<char>(8 * i));
        _mm512_store_si512(found + i * kLanes, three_levels<two_registers>(level[i], middle + 2 * i,
                                                                           low + 4 * i, row, leaf));
      }
    } else {
      for (std::size_t i = 0; i < width; ++i) {
        const __m512i leaf = _mm512_set1_epi8(static_cast<char>(2 * i));
        _mm512_store_si512(found + i * kLanes,
                           blend<two_registers>(level[i], row, leaf,
                                                _mm512_set1_epi8(static_cast<char>(2 * i + 1))));
      }
    }
    while (width > 1) {
      width /= 2;
      level -= width;
      for (std::size_t i = 0; i < width; ++i) {
        const __m512i left = _mm512_load_si512(found + 2 * i * kLanes);
        const __m512i right = _mm512_load_si512(found + (2 * i + 1) * kLanes);
        _mm512_store_si512(found + i * kLanes, blend<two_registers>(level[i], row, left, right));
      }
    }
  }

  const ColumnBins bins_;
  std::vector<Position> positions_;
  std::vector<Group> groups_;           // of kTreesAtOnce trees
  std::vector<std::uint32_t> leaf_of_;  // of complete leaves
};

}  // namespace
#endif

std::unique_ptr<LeafFinder> make_lane_finder(const Forest& forest, InstructionSet set) {
#if defined(__x86_64__)
  if (set != InstructionSet::avx512 || !is_split_forest(forest)) return nullptr;
  if (*std::ranges::max_element(forest.depths) > kLaneDepthMax) return nullptr;
  std::optional<ColumnBins> bins = ColumnBins::of(forest, kLaneColumnsMax, set);
  if (!bins) return nullptr;
  auto finder = std::make_unique<LaneFinder>(*std::move(bins));
  const auto trees = static_cast<std::uint32_t>(forest.roots.size());
  for (std::uint32_t first = 0; first < trees; first += kTreesAtOnce) {
    finder->add_group(forest, first, std::min(trees, first + kTreesAtOnce));
  }
  return finder;
#else
  static_cast<void>(forest);
  static_cast<void>(set);
  return nullptr;
#endif
}

}  // namespace mlops
