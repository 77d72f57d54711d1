// Walks trees whose features are bytes (column_bins.h), eight at a time, so that the loads of one
// hide behind those of the others: eight rows down one tree, or one row down eight trees. For trees
// that are too large for the finders that look at every node.
//
// A node is four bytes, and its children lie side by side: the next node is `link` plus whether the
// byte is greater. A leaf leads to itself, so that short paths wait for long ones. With AVX-512 the
// upper levels are taken by 64 trees at once (lane_descent.h), and the walk starts below them.

#include <algorithm>
#include <array>

#include "trees/column_bins.h"
#include "trees/lane_descent.h"
#include "trees/leaf_finder.h"
#include "trees/split.h"

namespace mlops {
namespace {

constexpr std::size_t kNodesMax = 1U << 16;  // of one tree: a link has 16 bits
constexpr std::size_t kWalkColumnsMax = 256;
constexpr std::size_t kRowsAbreast = 8;
// More of them: other trees share no cache lines, so there is more to wait for.
constexpr std::uint32_t kTreesAbreast = 32;
constexpr std::uint32_t kNoLeaf = UINT32_MAX;
// So many levels cost 64 trees about as much as one more step of their walks.
constexpr std::uint32_t kTopDepth = 6;

// The column in the low byte, then the border, then the left child's number in its tree.
using Node = std::uint32_t;

Node node_of(const BinnedSplit& split, std::size_t left) {
  return split.column | static_cast<Node>(split.border) << 8 | static_cast<Node>(left) << 16;
}

// No byte is above 255.
Node leaf_at(std::size_t self) { return node_of({0, 255}, self); }

[[gnu::always_inline]] inline std::uint32_t next(const Node* tree, std::uint32_t at,
                                                 const std::uint8_t* row) {
  const Node node = tree[at];
  return (node >> 16) + static_cast<std::uint32_t>(row[node & 255] > (node >> 8 & 255));
}

struct Walker {
  const Node* tree;
  const std::uint8_t* row;
};

// At most `steps` each, and two between looks whether anybody still moves.
template <std::size_t abreast>
[[gnu::always_inline]] inline void walk(const Walker (&walkers)[abreast],
                                        std::uint32_t (&at)[abreast], std::uint32_t steps) {
  std::uint32_t moved = 1;
  for (std::uint32_t done = 0; done < steps && moved != 0; done += 2) {
    moved = 0;
    for (std::size_t i = 0; i < abreast; ++i) {
      const Walker walker = walkers[i];
      const std::uint32_t to = next(walker.tree, next(walker.tree, at[i], walker.row), walker.row);
      moved |= to ^ at[i];
      at[i] = to;
    }
  }
}

class ByteWalkFinder final : public LeafFinder {
 public:
  // `top` levels are taken by lanes.
  ByteWalkFinder(ColumnBins bins, std::uint32_t top)
      : bins_(std::move(bins)), top_(top), row_bytes_(bins_.columns() <= kLanes ? kLanes : 256) {}

  bool add_group(const Forest& forest, std::uint32_t first, std::uint32_t last) {
    positions_.resize(positions_.size() + lane_positions(top_));
    for (std::uint32_t tree = first; tree < last; ++tree) {
      trees_.push_back(
          {nodes_.size(), 0, forest.depths[tree] - std::min(top_, forest.depths[tree])});
      std::vector<std::uint32_t> tops(std::size_t{1} << top_);
      cut(forest, {forest.roots[tree], 0, 0, tree - first}, tops);
      if (!add_tree(forest, tops)) return false;
    }
    return true;
  }

  std::string name() const override { return top_ > 0 ? "byte walk below lanes" : "byte walk"; }
  std::size_t scratch_bytes() const override {
    return kTileRows * (row_bytes_ + kLanes) + lane_found_bytes(top_);
  }

  void prepare(const RowTile& tile, std::byte* scratch) const override {
    bins_.fill(tile, reinterpret_cast<std::uint8_t*>(scratch), 1, row_bytes_);
  }

  void find(const RowTile& tile, const LeafRange& range, std::byte* scratch) const override {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(scratch);
    auto* starts = reinterpret_cast<std::uint8_t*>(scratch) + kTileRows * row_bytes_;
    auto* found = starts + kTileRows * kLanes;
    if (top_ > 0) {
      const LanePosition* positions =
          positions_.data() + range.first / kTreesAtOnce * lane_positions(top_);
      for (std::size_t row = 0; row < tile.count; ++row) {
        descend_lanes(positions, top_, bins_.columns() > kLanes, bytes + row * row_bytes_, found);
        std::copy_n(found, kLanes, starts + row * kLanes);
      }
    } else {
      std::fill_n(starts, tile.count * kLanes, std::uint8_t{0});
    }
    if (tile.count >= kRowsAbreast) {
      for (std::uint32_t tree = range.first; tree < range.last; ++tree) {
        rows_down_one_tree(tile.count, bytes, {tree, starts + (tree - range.first)},
                           range.leaves + (tree - range.first) * range.pitch);
      }
      return;
    }
    for (std::size_t row = 0; row < tile.count; ++row) {
      one_row_down_trees(bytes + row * row_bytes_, starts + row * kLanes, range, row);
    }
  }

 private:
  struct Place {
    std::uint32_t node;
    std::uint32_t level;
    std::uint32_t number;  // in its level
    std::uint32_t lane;
  };
  struct Tree {
    std::size_t base;          // in nodes_
    std::uint32_t first_leaf;  // leaf_of_ counts from it
    std::uint32_t steps;       // below the top
  };
  struct Starts {
    std::uint32_t tree;
    const std::uint8_t* first;  // kLanes from row to row
  };

  // The roots of what is below the top levels. A leaf in them is the root of all below it. Calls
  // itself kTopDepth deep.
  void cut(const Forest& forest, const Place& at, std::vector<std::uint32_t>& tops) {
    const ForestNode& node = forest.nodes[at.node];
    const std::uint32_t below = top_ - at.level;
    if (below == 0 || node.mode == NodeMode::leaf) {
      std::fill_n(tops.begin() + static_cast<std::ptrdiff_t>(std::size_t{at.number} << below),
                  std::size_t{1} << below, at.node);
      return;
    }
    const Split split = *split_of(node);
    const BinnedSplit binned = bins_.place(node.feature, split);
    LanePosition& position =
        positions_[positions_.size() - lane_positions(top_) + lane_positions(at.level) + at.number];
    position.column[at.lane] = static_cast<std::uint8_t>(binned.column);
    position.border[at.lane] = binned.border;
    cut(forest, {split.left, at.level + 1, at.number * 2, at.lane}, tops);
    cut(forest, {split.right, at.level + 1, at.number * 2 + 1, at.lane}, tops);
  }

  // The roots first, in their order; then what is below each, breadth first, so that a walk stays
  // in few cache lines. False where the tree is too large.
  bool add_tree(const Forest& forest, const std::vector<std::uint32_t>& tops) {
    const std::size_t base = nodes_.size();
    nodes_.resize(base + tops.size());
    std::vector<std::uint32_t> leaves(tops.size(), kNoLeaf);  // per node
    for (std::size_t number = 0; number < tops.size(); ++number) {
      std::vector<Place> queue = {{tops[number], 0, static_cast<std::uint32_t>(number), 0}};
      for (std::size_t i = 0; i < queue.size(); ++i) {
        const Place place = queue[i];  // its number is the one in the tree
        const ForestNode& node = forest.nodes[place.node];
        if (node.mode == NodeMode::leaf) {
          nodes_[base + place.number] = leaf_at(place.number);
          leaves[place.number] = node.on_true;
          continue;
        }
        const auto left = static_cast<std::uint32_t>(nodes_.size() - base);
        if (left + 2 > kNodesMax) return false;
        const Split split = *split_of(node);
        nodes_[base + place.number] = node_of(bins_.place(node.feature, split), left);
        nodes_.resize(nodes_.size() + 2);
        leaves.resize(leaves.size() + 2, kNoLeaf);
        queue.push_back({split.left, 0, left, 0});
        queue.push_back({split.right, 0, left + 1, 0});
      }
    }
    const std::uint32_t lowest = *std::ranges::min_element(leaves);
    trees_.back().first_leaf = lowest;
    for (const std::uint32_t leaf : leaves) {
      if (leaf != kNoLeaf && leaf - lowest >= kNodesMax) return false;
      leaf_of_.push_back(leaf == kNoLeaf ? 0 : static_cast<std::uint16_t>(leaf - lowest));
    }
    return true;
  }

  // The last eight overlap the ones before.
  void rows_down_one_tree(std::size_t count, const std::uint8_t* bytes, const Starts& starts,
                          std::uint32_t* leaves) const {
    const Tree tree = trees_[starts.tree];
    const Node* nodes = nodes_.data() + tree.base;
    const std::uint16_t* leaf_of = leaf_of_.data() + tree.base;
    for (std::size_t done = 0; done < count; done += kRowsAbreast) {
      const std::size_t row = std::min(done, count - kRowsAbreast);
      Walker walkers[kRowsAbreast];
      std::uint32_t at[kRowsAbreast];
      for (std::size_t i = 0; i < kRowsAbreast; ++i) {
        walkers[i] = {nodes, bytes + (row + i) * row_bytes_};
        at[i] = starts.first[(row + i) * kLanes];
      }
      walk(walkers, at, tree.steps);
      for (std::size_t i = 0; i < kRowsAbreast; ++i)
        leaves[row + i] = tree.first_leaf + leaf_of[at[i]];
    }
  }

  void one_row_down_trees(const std::uint8_t* row, const std::uint8_t* starts,
                          const LeafRange& range, std::size_t column) const {
    const std::uint32_t count = range.last - range.first;
    for (std::uint32_t done = 0; done < count; done += kTreesAbreast) {
      Walker walkers[kTreesAbreast];
      std::uint32_t at[kTreesAbreast];
      std::uint32_t steps = 0;
      for (std::uint32_t i = 0; i < kTreesAbreast; ++i) {
        const std::uint32_t lane = std::min(done + i, count - 1);
        const Tree& tree = trees_[range.first + lane];
        walkers[i] = {nodes_.data() + tree.base, row};
        at[i] = starts[lane];
        steps = std::max(steps, tree.steps);
      }
      walk(walkers, at, steps);
      for (std::uint32_t i = 0; i < kTreesAbreast && done + i < count; ++i) {
        const Tree& tree = trees_[range.first + done + i];
        range.leaves[(done + i) * range.pitch + column] =
            tree.first_leaf + leaf_of_[tree.base + at[i]];
      }
    }
  }

  const ColumnBins bins_;
  const std::uint32_t top_;
  const std::size_t row_bytes_;
  std::vector<LanePosition> positions_;  // of groups of kTreesAtOnce trees
  std::vector<Node> nodes_;
  std::vector<std::uint16_t> leaf_of_;  // per node
  std::vector<Tree> trees_;
};

}  // namespace

std::unique_ptr<LeafFinder> make_byte_walk_finder(const Forest& forest, InstructionSet set) {
  if (!is_split_forest(forest)) return nullptr;
  std::optional<ColumnBins> bins = ColumnBins::of(forest, kWalkColumnsMax, set);
  if (!bins) return nullptr;
  const bool lanes = set == InstructionSet::avx512 && bins->columns() <= kLaneColumnsMax;
  auto finder = std::make_unique<ByteWalkFinder>(*std::move(bins), lanes ? kTopDepth : 0);
  const auto trees = static_cast<std::uint32_t>(forest.roots.size());
  for (std::uint32_t first = 0; first < trees; first += kTreesAtOnce) {
    if (!finder->add_group(forest, first, std::min(trees, first + kTreesAtOnce))) return nullptr;
  }
  return finder;
}

}  // namespace mlops
