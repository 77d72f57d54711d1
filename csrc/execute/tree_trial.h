#pragma once
// Whether two back ends answer alike, and which is faster, on rows that sit on the borders of a
// forest's decisions. Deterministic rows; the times are the machine's.

#include <span>

#include "base/clock.h"
#include "execute/backend.h"
#include "trees/forest.h"
#include "trees/row_steps.h"

namespace mlops {

struct TreeTrial {
  bool alike = false;
  double speed_up_one_row = 0;  // time of the reference over time of ours
  double speed_up_many_rows = 0;
};

inline constexpr std::int64_t kTrialRows = 256;

struct TrialRows {
  std::int64_t width = 0;
  // For a file that declares answers of one row, as LightGBM's converter writes them: ONNX Runtime
  // answers more, and logs that it should not have to. Then both speed-ups are that of one row.
  bool one_at_a_time = false;
  std::span<const RowStep> steps;  // before the trees
};

// Fails as either fails.
Result<TreeTrial> try_trees(Backend& reference, Backend& ours, const Forest& forest,
                            const TrialRows& trial_of);

}  // namespace mlops
