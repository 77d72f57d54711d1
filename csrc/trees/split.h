#pragma once
// A decision brought to the one form that fast finders know: left when x <= threshold, right when
// it is greater, and a side for NaN. Exact for every float: x < t is x <= (the float before t).

#include <optional>

#include "trees/forest.h"

namespace mlops {

struct Split {
  float threshold = 0;
  std::uint32_t left = 0;  // in Forest::nodes
  std::uint32_t right = 0;
  bool nan_goes_left = false;
};

// nullopt for equality and membership, and for thresholds that no float is below.
std::optional<Split> split_of(const ForestNode& node);

// Whether every decision of the forest is such a split, of a float, in a proper tree.
bool is_split_forest(const Forest& forest);

}  // namespace mlops
