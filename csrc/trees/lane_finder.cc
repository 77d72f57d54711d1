// One row against 64 trees at once, down to the leaves of complete trees: see lane_descent.h.

#include <algorithm>

#include "trees/column_bins.h"
#include "trees/lane_descent.h"
#include "trees/leaf_finder.h"
#include "trees/split.h"

namespace mlops {
namespace {

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
    positions_.resize(positions_.size() + lane_positions(group.depth));
    groups_.push_back(group);
    for (std::uint32_t tree = first; tree < last; ++tree) {
      leaf_of_.resize(leaf_of_.size() + (std::size_t{1} << group.depth));
      fill(forest, {forest.roots[tree], 0, 0, tree - first});
    }
  }

  std::string name() const override { return "lanes AVX-512"; }
  std::size_t scratch_bytes() const override {
    return kTileRows * kLaneColumnsMax + lane_found_bytes(kLaneDepthMax);
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
    const bool two_registers = bins_.columns() > kLanes;
    for (std::size_t row = 0; row < tile.count; ++row) {
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(scratch) + row * kLaneColumnsMax;
      descend_lanes(positions_.data() + group.first, depth, two_registers, bytes, found);
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
    LanePosition& position = positions_[group.first + (1U << at.level) - 1 + at.number];
    position.column[at.lane] = static_cast<std::uint8_t>(binned.column);
    position.border[at.lane] = binned.border;
    fill(forest, {split.left, at.level + 1, at.number * 2, at.lane});
    fill(forest, {split.right, at.level + 1, at.number * 2 + 1, at.lane});
  }

  const ColumnBins bins_;
  std::vector<LanePosition> positions_;
  std::vector<Group> groups_;           // of kTreesAtOnce trees
  std::vector<std::uint32_t> leaf_of_;  // of complete leaves
};

}  // namespace

std::unique_ptr<LeafFinder> make_lane_finder(const Forest& forest, InstructionSet set) {
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
}

}  // namespace mlops
