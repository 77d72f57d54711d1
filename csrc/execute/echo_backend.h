#pragma once
// A back end that answers with its input: measures what everything around a model costs, and lets
// batching be tested exactly.

#include <memory>

#include "execute/backend.h"

namespace mlops {

// Output i repeats input i (same dtype, same dims); the signature is the caller's choice. Each
// signature output must have the dtype of the input at the same position.
Result<std::unique_ptr<Backend>> make_echo_backend(Signature signature);

}  // namespace mlops
