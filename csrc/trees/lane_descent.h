#pragma once
// The upper levels of 64 trees for one row: a lane of a vector is a tree. Trees are filled up to
// complete ones, so that all have a node at every position; a position's 64 features are picked out
// of the row's bytes by one permutation. From the lowest nodes up each takes what its left or its
// right child found. Needs AVX-512 with VBMI; pure.

#include <cstddef>
#include <cstdint>

#include "trees/leaf_finder.h"

namespace mlops {

inline constexpr std::size_t kLanes = kTreesAtOnce;
inline constexpr std::size_t kLaneColumnsMax = 128;  // two registers of bytes
inline constexpr std::uint32_t kLaneDepthMax = 8;    // so that a path's number is a byte

// The same position of 64 trees. Positions of a level follow each other, the root's level first;
// the children of number i of a level are 2i and 2i + 1 of the next.
struct alignas(64) LanePosition {
  std::uint8_t column[kLanes] = {};
  std::uint8_t border[kLanes] = {};
};

// Of positions, and of what descend_lanes() needs room for; depth 0 to kLaneDepthMax.
constexpr std::size_t lane_positions(std::uint32_t depth) { return (std::size_t{1} << depth) - 1; }
constexpr std::size_t lane_found_bytes(std::uint32_t depth) {
  return kLanes * (lane_positions(depth) / 2 + 1);
}

// The number of the path that each lane took, from the left, in found[0..63]. `bytes` are the
// row's columns, 64 or with `two_registers` 128 of them; they and `found` lie on borders of 64.
void descend_lanes(const LanePosition* positions, std::uint32_t depth, bool two_registers,
                   const std::uint8_t* bytes, std::uint8_t* found);

}  // namespace mlops
