#pragma once
// Tries whether a model with a mask heeds it: rows of two lengths alone, and together with the
// shorter ones padded, must give the same answers. A declaration cannot tell: a mean over all
// positions has the same inputs.

#include <string>

#include "engine/batch_probe.h"
#include "model/padding_rule.h"

namespace mlops {

struct PaddingTrial {
  bool harmless = false;
  std::string reason;  // for people
};

// `open_size` is a size that the model accepted. Blocks for some runs.
PaddingTrial try_padding(Executor& executor, const ProbedModel& model, const PaddingRule& rule,
                         std::int64_t open_size);

}  // namespace mlops
