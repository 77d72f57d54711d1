#pragma once
// Which models may have requests merged, as far as the graph's declarations tell: axis 0 is the
// batch when it is open on every input and output and named consistently. Declarations cannot show
// that rows are independent (a mean over axis 0 looks the same), so the engine also probes; see
// engine/batch_probe.h.

#include <string>

#include "tensor/signature.h"

namespace mlops {

struct BatchRule {
  bool batchable = false;
  std::string reason;  // for people: which tensor and axis decided
};

BatchRule infer_batch_rule(const Signature& signature);

}  // namespace mlops
