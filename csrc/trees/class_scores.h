#pragma once
// The last step for one row: classes, and the transforms. ONNX Runtime's rules where ONNX leaves
// them open, above all for two classes of which only one has weights.

#include <vector>

#include "base/status.h"
#include "trees/forest.h"

namespace mlops {

template <class Real>
struct Score {
  Real value = 0;
  bool scored = false;  // some leaf had a weight for it
};

// unimplemented where ONNX Runtime's result depends on memory that nobody wrote, or fails.
Status check_scores(const Forest& forest);

// Gives the class, and leaves in `scores` what is answered.
template <class Real>
std::int64_t finish_classes(const Forest& forest, const std::vector<Real>& base,
                            std::vector<Score<Real>>& scores);

template <class Real>
void transform_targets(const Forest& forest, std::vector<Score<Real>>& scores);

}  // namespace mlops
