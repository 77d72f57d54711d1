#include "trees/split.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mlops {

std::optional<Split> split_of(const ForestNode& node) {
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  auto threshold = static_cast<float>(node.threshold);
  if (std::isnan(threshold) || static_cast<double>(threshold) != node.threshold) {
    return std::nullopt;
  }
  const bool strict = node.mode == NodeMode::lt || node.mode == NodeMode::gte;
  if (strict) {
    if (threshold == kLowest) return std::nullopt;
    threshold = std::nextafter(threshold, kLowest);
  }
  switch (node.mode) {
    case NodeMode::leq:
    case NodeMode::lt:
      return Split{threshold, node.on_true, node.on_false, node.missing_is_true};
    case NodeMode::gt:
    case NodeMode::gte:
      return Split{threshold, node.on_false, node.on_true, !node.missing_is_true};
    default:
      return std::nullopt;
  }
}

bool is_split_forest(const Forest& forest) {
  return !forest.wide && !forest.shares_nodes &&
         std::ranges::all_of(forest.nodes, [](const ForestNode& node) {
           return node.mode == NodeMode::leaf || split_of(node).has_value();
         });
}

}  // namespace mlops
