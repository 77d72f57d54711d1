#pragma once
// Two back ends of one file, of which one is the faster and answers ordinary numbers alike, but
// hides what is none: an activation that makes 0 of NaN (ADR 56).

#include <memory>

#include "execute/backend.h"

namespace mlops {

// A run whose floats are all of at most `magnitude_max` goes to `ordinary`; one with a larger one,
// an infinity or a NaN among them goes to `any`, whose signature and platform are the model's.
// `spread` is answer_spread() of both together.
std::unique_ptr<Backend> make_by_values_backend(std::shared_ptr<Backend> any,
                                                std::shared_ptr<Backend> ordinary,
                                                double magnitude_max, double spread);

}  // namespace mlops
