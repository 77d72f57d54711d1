#pragma once
// A back end as its configuration describes it: outputs that are left out, tensors with another
// shape than the graph has. Shapes are views; no byte is copied.

#include <memory>

#include "execute/backend.h"
#include "model/config_fit.h"

namespace mlops {

std::unique_ptr<Backend> make_configured_backend(std::unique_ptr<Backend> inner,
                                                 const FittedModel& fitted);

}  // namespace mlops
