// Every finder reaches the leaves that plain_leaf.h reaches.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <random>

#include "trees/finder_choice.h"

namespace mlops {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Shape {
  std::uint32_t trees = 1;
  std::uint32_t depth = 4;
  std::uint32_t features = 5;
  unsigned leaf_percent = 20;  // of places above the deepest
  std::size_t borders = 12;    // a feature has about as many
};

class Grower {
 public:
  Grower(unsigned seed, const Shape& shape) : random_(seed), shape_(shape) {
    std::normal_distribution<float> normal;
    borders_ = {0.0F, -0.0F, 1e-40F, -kInfinity, std::numeric_limits<float>::max()};
    while (borders_.size() < shape.borders) borders_.push_back(normal(random_));
  }

  Forest grow() {
    forest_.features = shape_.features;
    for (std::uint32_t tree = 0; tree < shape_.trees; ++tree) {
      deepest_ = 0;
      forest_.roots.push_back(grow_node(0));
      forest_.depths.push_back(deepest_);
    }
    return std::move(forest_);
  }

  std::vector<float> rows(std::size_t count) {
    std::vector<float> values(count * shape_.features);
    for (float& value : values) {
      const float border = borders_[random_() % borders_.size()];
      const float choices[] = {border,
                               std::nextafter(border, kInfinity),
                               std::nextafter(border, -kInfinity),
                               std::numeric_limits<float>::quiet_NaN(),
                               kInfinity,
                               -kInfinity};
      value = choices[std::min<std::size_t>(random_() % 12, 5)];
    }
    return values;
  }

 private:
  std::uint32_t grow_node(std::uint32_t depth) {
    deepest_ = std::max(deepest_, depth);
    const auto at = static_cast<std::uint32_t>(forest_.nodes.size());
    forest_.nodes.emplace_back();
    if (depth == shape_.depth || random_() % 100 < shape_.leaf_percent) {
      forest_.nodes[at].on_true = static_cast<std::uint32_t>(forest_.leaves.size());
      forest_.leaves.emplace_back();
      return at;
    }
    ForestNode node;
    constexpr NodeMode kModes[] = {NodeMode::leq, NodeMode::lt, NodeMode::gt, NodeMode::gte};
    node.mode = kModes[random_() % 4];
    node.feature = static_cast<std::uint32_t>(random_() % shape_.features);
    node.threshold = borders_[random_() % borders_.size()];
    const bool strict = node.mode == NodeMode::lt || node.mode == NodeMode::gte;
    if (strict && node.threshold < std::numeric_limits<float>::lowest()) node.threshold = 0;
    node.missing_is_true = random_() % 2 == 0;
    node.on_true = grow_node(depth + 1);
    node.on_false = grow_node(depth + 1);
    forest_.nodes[at] = node;
    return at;
  }

  std::mt19937 random_;
  const Shape shape_;
  std::vector<float> borders_;
  Forest forest_;
  std::uint32_t deepest_ = 0;
};

std::vector<std::uint32_t> leaves_of(const LeafFinder& finder, const Forest& forest,
                                     const RowTile& tile) {
  struct Free {
    void operator()(std::byte* p) const { ::operator delete (p, std::align_val_t{kScratchAlign}); }
  };
  const std::unique_ptr<std::byte, Free> scratch(static_cast<std::byte*>(
      ::operator new (finder.scratch_bytes() + 1, std::align_val_t{kScratchAlign})));
  const auto trees = static_cast<std::uint32_t>(forest.roots.size());
  std::vector<std::uint32_t> leaves(trees * tile.count);
  finder.prepare(tile, scratch.get());
  for (std::uint32_t first = 0; first < trees; first += kTreesAtOnce) {
    finder.find(tile,
                {first, std::min(trees, first + kTreesAtOnce), leaves.data() + first * tile.count,
                 tile.count},
                scratch.get());
  }
  return leaves;
}

// How many finders there were to compare.
int expect_alike(const Shape& shape, unsigned seed) {
  Grower grower(seed, shape);
  const Forest forest = grower.grow();
  std::vector<std::unique_ptr<LeafFinder>> finders;
  finders.push_back(make_walk_finder(forest));
  for (const InstructionSet set :
       {InstructionSet::baseline, InstructionSet::avx2, InstructionSet::avx512}) {
    if (set > best_instruction_set()) continue;
    finders.push_back(make_blend_finder(forest, set));
    finders.push_back(make_lane_finder(forest, set));
    finders.push_back(make_byte_walk_finder(forest, set));
  }
  std::erase(finders, nullptr);
  const auto plain = make_plain_finder(forest);
  for (const std::size_t count : {1U, 2U, 7U, 8U, 33U, 63U, 64U}) {
    const std::size_t stride = shape.features;
    const std::vector<float> rows = grower.rows(count);
    const RowTile tile{rows.data(), count, stride};
    const auto expected = leaves_of(*plain, forest, tile);
    for (const auto& finder : finders) {
      EXPECT_EQ(leaves_of(*finder, forest, tile), expected)
          << finder->name() << ", " << count << " rows, seed " << seed;
    }
  }
  return static_cast<int>(finders.size());
}

// Walk, blend and byte walk for each instruction set, and lanes with AVX-512.
int finders_here() {
  const auto set = static_cast<int>(best_instruction_set());
  return 1 + 2 * (1 + set) + (best_instruction_set() == InstructionSet::avx512 ? 1 : 0);
}

TEST(Finders, ReachTheSameLeavesInSmallForests) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    EXPECT_EQ(expect_alike({seed % 9 + 1, seed % 7, seed % 5 + 1, seed % 50, 9}, seed),
              finders_here());
  }
}

TEST(Finders, ReachTheSameLeavesInManyTrees) {
  for (const std::uint32_t trees : {63U, 64U, 65U, 200U}) {
    EXPECT_EQ(expect_alike({trees, 6, 20, 5, 40}, trees), finders_here());
  }
}

TEST(Finders, ReachTheSameLeavesWhereAFeatureHasMoreBordersThanAByteCounts) {
  for (const std::size_t borders : {16U, 17U, 254U, 255U, 256U, 257U, 272U, 1'000U}) {
    expect_alike({60, 7, 3, 2, borders}, static_cast<unsigned>(borders));
  }
}

TEST(Finders, ReachTheSameLeavesOverManyColumns) {
  EXPECT_EQ(expect_alike({70, 7, 40, 0, 20}, 1), finders_here());  // two registers of columns
  expect_alike({70, 7, 300, 0, 20}, 2);
}

TEST(Finders, ReachTheSameLeavesInDeepTrees) {
  EXPECT_GT(expect_alike({70, 10, 12, 10, 60}, 8), 1);
  EXPECT_GT(expect_alike({66, 30, 12, 40, 60}, 9), 1);
  expect_alike({5, 12, 100, 2, 60}, 10);   // two registers of columns
  expect_alike({5, 12, 200, 2, 300}, 11);  // too many columns for any
}

TEST(Finders, LeaveTreesThatAreTooLargeToOthers) {
  EXPECT_LT(expect_alike({3, 11, 4, 3, 100}, 3), finders_here());
  EXPECT_EQ(expect_alike({1, 17, 4, 0, 100}, 4), 1);  // more nodes than a link can name
}

TEST(Finders, AChoiceNamesWhatItTook) {
  Grower grower(5, {100, 6, 10, 5, 30});
  const Forest forest = grower.grow();
  const FinderChoice choice = choose_finders(forest);
  EXPECT_FALSE(choice.text().empty());
  EXPECT_EQ(&choice.for_rows(1), choice.few.get());
  EXPECT_GE(choice.many_from, 2U);
}

}  // namespace
}  // namespace mlops
