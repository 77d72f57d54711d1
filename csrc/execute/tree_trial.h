#pragma once
// Whether two back ends answer alike, and which is faster, on rows that sit on the borders of a
// forest's decisions. Deterministic rows; the times are the machine's.

#include "base/clock.h"
#include "execute/backend.h"
#include "trees/forest.h"

namespace mlops {

struct TreeTrial {
  bool alike = false;
  double speed_up_one_row = 0;  // time of the reference over time of ours
  double speed_up_many_rows = 0;
};

inline constexpr std::int64_t kTrialRows = 256;

// Fails as either fails.
Result<TreeTrial> try_trees(Backend& reference, Backend& ours, const Forest& forest,
                            std::int64_t width);

}  // namespace mlops
