#pragma once
// The expensive half of a forest: which leaf of each tree does a row reach? Implementations answer
// alike and differ in speed. What the leaves add up to is scores.h.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/instruction_set.h"
#include "trees/forest.h"

namespace mlops {

inline constexpr std::size_t kTileRows = 64;

struct RowTile {
  const float* rows = nullptr;  // row-major
  std::size_t count = 0;        // at most kTileRows
  std::size_t stride = 0;       // floats from row to row
};

// Leaves of a range of trees: leaves[(tree - first) * pitch + row], each a number in
// Forest::leaves. `first` is a multiple of kTreesAtOnce.
struct LeafRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  std::uint32_t* leaves = nullptr;
  std::size_t pitch = 0;  // at least the tile's count
};

// Leaves of so many trees for a whole tile stay in the first-level cache until they are added up.
inline constexpr std::uint32_t kTreesAtOnce = 64;

// Immutable, so any thread may use it. Allocates nothing in prepare() and find().
class LeafFinder {
 public:
  virtual ~LeafFinder() = default;
  virtual std::string name() const = 0;
  // Of memory on a border of kScratchAlign, which one caller at a time lends to both below.
  virtual std::size_t scratch_bytes() const { return 0; }
  // What find() needs to know of a tile, once for all ranges of trees.
  virtual void prepare(const RowTile&, std::byte* /*scratch*/) const {}
  virtual void find(const RowTile& tile, const LeafRange& range, std::byte* scratch) const = 0;
};

inline constexpr std::size_t kScratchAlign = 64;

// Any forest that compares floats; the forest outlives it.
std::unique_ptr<LeafFinder> make_plain_finder(const Forest& forest);

// The others are null where a decision is no split of floats (split.h), or where the forest is too
// large for them.
std::unique_ptr<LeafFinder> make_walk_finder(const Forest& forest);
// All rows of a tile at once, every node of every tree: for many rows and small trees.
std::unique_ptr<LeafFinder> make_blend_finder(const Forest& forest, InstructionSet set);
// Sixty-four trees at once, row by row: for few rows and shallow trees. Null below AVX-512.
std::unique_ptr<LeafFinder> make_lane_finder(const Forest& forest, InstructionSet set);
// Node by node, eight walks abreast: for trees that are too large to look at every node.
std::unique_ptr<LeafFinder> make_byte_walk_finder(const Forest& forest, InstructionSet set);

}  // namespace mlops
