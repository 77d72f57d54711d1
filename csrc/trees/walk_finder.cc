// Walks trees without branches, eight at a time, so that the loads of one hide behind those of the
// others: eight rows down one tree, or one row down eight trees. Any processor.
//
// A node is eight bytes, and its children lie side by side: the next node is `left` plus whether x
// is greater. A leaf leads to itself, so that short paths wait for long ones.

#include <algorithm>
#include <limits>

#include "trees/leaf_finder.h"
#include "trees/split.h"

namespace mlops {
namespace {

constexpr std::uint32_t kNodesMax = 1U << 19;  // of one tree
constexpr std::uint32_t kFeaturesMax = 1U << 12;
constexpr std::size_t kAtOnce = 8;

struct WalkNode {
  float threshold = std::numeric_limits<float>::infinity();
  std::uint32_t link = 0;  // NaN goes right: 1 bit; feature: 12; left child in its tree: 19
};

std::uint32_t next(const WalkNode* tree, std::uint32_t at, const float* row) {
  const WalkNode node = tree[at];
  const float x = row[(node.link >> 19) & (kFeaturesMax - 1)];
  const auto greater = static_cast<std::uint32_t>(x > node.threshold);
  const auto missing = static_cast<std::uint32_t>(x != x) & (node.link >> 31);
  return (node.link & (kNodesMax - 1)) + (greater | missing);
}

struct Walker {
  const WalkNode* tree;
  const float* row;
};

void walk(const Walker (&walkers)[kAtOnce], std::uint32_t (&at)[kAtOnce]) {
  std::uint32_t moved = 0;
  std::fill_n(at, kAtOnce, 0U);
  do {
    moved = 0;
    for (std::size_t i = 0; i < kAtOnce; ++i) {
      const std::uint32_t to = next(walkers[i].tree, at[i], walkers[i].row);
      moved |= to ^ at[i];
      at[i] = to;
    }
  } while (moved != 0);
}

class WalkFinder final : public LeafFinder {
 public:
  // Breadth first, so that the nodes every row visits share cache lines.
  bool add_tree(const Forest& forest, std::uint32_t root) {
    const std::size_t base = nodes_.size();
    std::vector<std::uint32_t> order = {root};
    for (std::size_t i = 0; i < order.size(); ++i) {
      const ForestNode& from = forest.nodes[order[i]];
      WalkNode node;
      node.link = static_cast<std::uint32_t>(i);
      std::uint32_t leaf = from.on_true;
      if (from.mode != NodeMode::leaf) {
        const Split split = *split_of(from);
        node.threshold = split.threshold;
        node.link = static_cast<std::uint32_t>(order.size()) | (from.feature << 19) |
                    (split.nan_goes_left ? 0 : 1U << 31);
        leaf = 0;
        order.push_back(split.left);
        order.push_back(split.right);
      }
      nodes_.push_back(node);
      leaf_of_.push_back(leaf);
    }
    bases_.push_back(base);
    return order.size() < kNodesMax;
  }

  std::string name() const override { return "walk"; }

  void find(const RowTile& tile, const LeafRange& range, std::byte*) const override {
    if (tile.count >= kAtOnce) {
      for (std::uint32_t tree = range.first; tree < range.last; ++tree) {
        rows_down_one_tree(tile, tree, range.leaves + (tree - range.first) * range.pitch);
      }
      return;
    }
    for (std::size_t row = 0; row < tile.count; ++row) {
      one_row_down_trees(tile.rows + row * tile.stride, range, row);
    }
  }

 private:
  // The last eight overlap the ones before.
  void rows_down_one_tree(const RowTile& tile, std::uint32_t tree, std::uint32_t* leaves) const {
    for (std::size_t done = 0; done < tile.count; done += kAtOnce) {
      const std::size_t row = std::min(done, tile.count - kAtOnce);
      Walker walkers[kAtOnce];
      for (std::size_t i = 0; i < kAtOnce; ++i) {
        walkers[i] = {nodes_.data() + bases_[tree], tile.rows + (row + i) * tile.stride};
      }
      std::uint32_t at[kAtOnce];
      walk(walkers, at);
      for (std::size_t i = 0; i < kAtOnce; ++i) leaves[row + i] = leaf_of_[bases_[tree] + at[i]];
    }
  }

  void one_row_down_trees(const float* row, const LeafRange& range, std::size_t column) const {
    for (std::uint32_t tree = range.first; tree < range.last; tree += kAtOnce) {
      Walker walkers[kAtOnce];
      for (std::size_t i = 0; i < kAtOnce; ++i) {
        walkers[i] = {nodes_.data() + bases_[std::min(tree + i, range.last - std::size_t{1})], row};
      }
      std::uint32_t at[kAtOnce];
      walk(walkers, at);
      for (std::size_t i = 0; i < kAtOnce && tree + i < range.last; ++i) {
        range.leaves[(tree + i - range.first) * range.pitch + column] =
            leaf_of_[bases_[tree + i] + at[i]];
      }
    }
  }

  std::vector<WalkNode> nodes_;
  std::vector<std::uint32_t> leaf_of_;  // per node
  std::vector<std::size_t> bases_;      // per tree
};

}  // namespace

std::unique_ptr<LeafFinder> make_walk_finder(const Forest& forest) {
  if (!is_split_forest(forest) || forest.features > kFeaturesMax) return nullptr;
  auto finder = std::make_unique<WalkFinder>();
  for (const std::uint32_t root : forest.roots) {
    if (!finder->add_tree(forest, root)) return nullptr;
  }
  return finder;
}

}  // namespace mlops
