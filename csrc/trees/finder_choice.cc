#include "trees/finder_choice.h"

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <random>

#include "base/clock.h"

namespace mlops {
namespace {

constexpr std::size_t kTiles = 8;
constexpr int kRounds = 5;
constexpr std::size_t kValuesMax = std::size_t{1} << 24;  // of the rows that are tried

struct ScratchDelete {
  void operator()(std::byte* memory) const {
    ::operator delete (memory, std::align_val_t{kScratchAlign});
  }
};

// Values around the forest's own borders, so that rows go both ways, and no two the same way.
std::vector<float> trial_values(const Forest& forest) {
  std::vector<float> values(std::size_t{forest.features} * kTileRows * kTiles, 0.0F);
  std::vector<std::vector<float>> borders(forest.features);
  for (const ForestNode& node : forest.nodes) {
    if (node.mode != NodeMode::leaf) {
      borders[node.feature].push_back(static_cast<float>(node.threshold));
    }
  }
  std::mt19937 random(7);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::vector<float>& near = borders[i % forest.features];
    if (!near.empty()) values[i] = near[random() % near.size()];
  }
  return values;
}

// Of one tile of `rows`: the fastest round's.
double time_of(const LeafFinder& finder, const Forest& forest, const std::vector<float>& values,
               std::size_t rows) {
  const std::unique_ptr<std::byte, ScratchDelete> scratch(static_cast<std::byte*>(::operator new (
      std::max<std::size_t>(1, finder.scratch_bytes()), std::align_val_t{kScratchAlign})));
  std::vector<std::uint32_t> leaves(kTreesAtOnce * kTileRows);
  const auto trees = static_cast<std::uint32_t>(forest.roots.size());
  const SteadyClock clock;
  Duration best = Duration::max();
  for (int round = 0; round < kRounds; ++round) {
    const TimePoint start = clock.now();
    for (std::size_t i = 0; i < kTiles; ++i) {
      const RowTile tile{values.data() + i * kTileRows * forest.features, rows, forest.features};
      finder.prepare(tile, scratch.get());
      for (std::uint32_t first = 0; first < trees; first += kTreesAtOnce) {
        finder.find(tile, {first, std::min(trees, first + kTreesAtOnce), leaves.data(), rows},
                    scratch.get());
      }
    }
    best = std::min(best, clock.now() - start);
  }
  return static_cast<double>(best.count()) / static_cast<double>(kTiles);
}

}  // namespace

std::string FinderChoice::text() const {
  if (many_from > kTileRows) return few->name();
  return few->name() + ", from " + std::to_string(many_from) + " rows " + many->name();
}

FinderChoice choose_finders(const Forest& forest) {
  const InstructionSet set = best_instruction_set();
  FinderChoice choice;
  choice.few = make_walk_finder(forest);
  if (!choice.few) {
    choice.few = make_plain_finder(forest);
    return choice;
  }
  choice.many = choice.few;
  if (std::size_t{forest.features} * kTileRows * kTiles > kValuesMax) return choice;
  const std::vector<float> values = trial_values(forest);
  double few_time = time_of(*choice.few, forest, values, 1);
  double many_time = time_of(*choice.many, forest, values, kTileRows);
  for (std::shared_ptr<const LeafFinder> finder :
       {std::shared_ptr<const LeafFinder>(make_lane_finder(forest, set)),
        std::shared_ptr<const LeafFinder>(make_blend_finder(forest, set)),
        std::shared_ptr<const LeafFinder>(make_byte_walk_finder(forest, set))}) {
    if (!finder) continue;
    if (const double time = time_of(*finder, forest, values, 1); time < few_time) {
      few_time = time;
      choice.few = finder;
    }
    if (const double time = time_of(*finder, forest, values, kTileRows); time < many_time) {
      many_time = time;
      choice.many = finder;
    }
  }
  if (choice.few == choice.many) return choice;
  choice.many_from = kTileRows;
  while (choice.many_from > 2 && time_of(*choice.few, forest, values, choice.many_from / 2) >
                                     time_of(*choice.many, forest, values, choice.many_from / 2)) {
    choice.many_from /= 2;
  }
  return choice;
}

}  // namespace mlops
