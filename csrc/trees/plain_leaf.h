#pragma once
// The definition: follow one tree for one row, node by node. Every mode, every type of input; what
// all faster ways are tested against.

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "trees/forest.h"

namespace mlops {

// Floats are compared as doubles that have their values, which decides the same.
inline bool decides_true(const Forest& forest, const ForestNode& node, double x) {
  switch (node.mode) {
    case NodeMode::leq:
      return x <= node.threshold;
    case NodeMode::lt:
      return x < node.threshold;
    case NodeMode::gte:
      return x >= node.threshold;
    case NodeMode::gt:
      return x > node.threshold;
    case NodeMode::eq:
      return x == node.threshold;
    case NodeMode::neq:
      return x != node.threshold;
    case NodeMode::member: {
      const std::vector<double>& set = forest.sets[node.set];
      return std::binary_search(set.begin(), set.end(), x);
    }
    case NodeMode::leaf:
      break;
  }
  return false;
}

template <class Element>
std::uint32_t plain_leaf(const Forest& forest, std::uint32_t tree, const Element* row) {
  const ForestNode* node = &forest.nodes[forest.roots[tree]];
  while (node->mode != NodeMode::leaf) {
    const auto x = static_cast<double>(row[node->feature]);
    const bool missing = std::isnan(x) && node->missing_is_true;
    const bool yes = missing || (!(std::isnan(x) && node->mode == NodeMode::member) &&
                                 decides_true(forest, *node, x));
    node = &forest.nodes[yes ? node->on_true : node->on_false];
  }
  return node->on_true;
}

}  // namespace mlops
