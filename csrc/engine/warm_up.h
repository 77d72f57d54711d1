#pragma once
// Runs a model before it serves, so that the first request of each batch size finds memory and code
// in place.

#include "base/clock.h"
#include "execute/backend.h"
#include "model/model_config.h"

namespace mlops {

// Made-up rows in batches of 1, 2, 4 ... `rows_max`; `open_size` is for the open axes besides the
// batch. Ends early once `budget` is spent. What the model refuses is skipped: it proves nothing.
void warm_batches(Executor& executor, const Signature& signature, std::int64_t open_size,
                  std::int64_t rows_max, Duration budget, const Clock& clock);

// The configuration's own samples; data files are in <folder>/warmup. Fails when a sample cannot be
// made or the model refuses it: then it is not what its owner believes.
Status run_model_warmup(Executor& executor, const Signature& signature, const ModelConfig& config,
                        const std::string& folder);

}  // namespace mlops
