#pragma once
// One request with more rows than a run may have, as several runs whose outputs are put together:
// its memory is bounded by the runs', and it stops between two of them when nobody wants it any
// more.

#include <cstdint>
#include <functional>
#include <span>

#include "base/status.h"
#include "execute/backend.h"
#include "tensor/copy_meter.h"
#include "tensor/slab_pool.h"

namespace mlops {

struct SplitRun {
  std::int64_t rows = 0;
  std::int64_t rows_max = 0;  // of one run, at least 1
  SlabPool* slabs = nullptr;
  CopyMeter* copies = nullptr;
  // Asked before every run but the first; a failure ends it.
  std::function<Status()> go_on;
};

// As Executor::run over the whole request, for models whose rows are independent and whose tensors
// all have rows. Runs differ by at most one row. Outputs with memory are written where they belong
// (by the back end, or else by a copy); others are joined into one (CopySite::gather).
// unimplemented when the runs' outputs differ in more than their rows.
Status run_split(Executor& executor, const SplitRun& split, std::span<const Tensor> inputs,
                 std::span<OutputSlot> outputs);

}  // namespace mlops
