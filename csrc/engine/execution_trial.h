#pragma once
// Whether another back end answers as ONNX Runtime does, and how fast each is. Both run the same
// made-up rows: small and large, of either sign, zeros, integers that no index admits, and floats
// that are no numbers.

#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/execution_note.h"
#include "execute/backend.h"

namespace mlops {

struct ExecutionTerms {
  double tolerance = 0;     // relative_difference of outputs in 32 bits; others have their own
  bool may_refuse = false;  // it may answer what the reference refuses
  bool may_hide = false;    // it may answer a number to NaN
  Duration time_max{0};     // for all of it; a run that has begun is finished
  std::stop_token stop;
};

struct ExecutionTrial {
  std::string difference;  // why it may not be used; empty: it may
  double worst = 0;        // relative difference seen
  // Where it answers alike only ordinary floats: the largest magnitude that it may be given, at
  // which it was compared; NaN and infinities are none. 0: it may be given all.
  std::int64_t magnitude_max = 0;
  std::string limited_by;         // what it answered otherwise
  std::vector<TrialTimes> times;  // ascending in rows; one alone where axis 0 is no batch
};

// The rows are made by the signature of `other`, which may be the stricter one. Fails where the
// reference accepts no made-up input, either runs out of memory, or time is over
// (deadline_exceeded) before one row was compared and timed: what was not tried is not chosen.
// Sizes that there is no time for are left out.
Result<ExecutionTrial> try_execution(Backend& reference, Backend& other,
                                     const ExecutionTerms& terms, const Clock& clock);

// The least rows from which the other is the faster one in this and all larger sizes that were
// tried; 0: in none.
std::int64_t faster_from(const std::vector<TrialTimes>& times);

}  // namespace mlops
