#pragma once
// The expensive half of a forest: which leaf of each tree does a row reach? Implementations answer
// alike and differ in speed. What the leaves add up to is scores.h.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "trees/forest.h"

namespace mlops {

inline constexpr std::size_t kTileRows = 64;

struct RowTile {
  const float* rows = nullptr;  // row-major
  std::size_t count = 0;        // at most kTileRows
  std::size_t stride = 0;       // floats from row to row
};

// Leaves of a range of trees: leaves[(tree - first) * pitch + row], each a number in
// Forest::leaves.
struct LeafRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  std::uint32_t* leaves = nullptr;
  std::size_t pitch = 0;  // at least the tile's count
};

// Immutable, so any thread may use it. Allocates nothing in find().
class LeafFinder {
 public:
  virtual ~LeafFinder() = default;
  virtual std::string_view name() const = 0;
  virtual void find(const RowTile& tile, const LeafRange& range) const = 0;
};

// Any forest that compares floats; the forest outlives it.
std::unique_ptr<LeafFinder> make_plain_finder(const Forest& forest);
// Null where a decision is no split of floats (split.h), or there are too many features or nodes.
std::unique_ptr<LeafFinder> make_walk_finder(const Forest& forest);

}  // namespace mlops
