#pragma once
// A validated request on its way through a queue: which rows it has and with whom it may be merged.

#include <cstdint>
#include <vector>

#include "request/pending.h"
#include "request/validate.h"

namespace mlops {

// The sizes of all open axes except the batch axis, over all inputs: equal keys may share a batch.
// Empty for models whose shapes are otherwise fixed.
using BucketKey = std::vector<std::int64_t>;

// The length, where all open sizes are one and the same; else 0.
inline std::int64_t length_of(const BucketKey& bucket) {
  if (bucket.empty()) return 0;
  for (const std::int64_t size : bucket) {
    if (size != bucket.front()) return 0;
  }
  return bucket.front();
}

struct Job {
  PendingRef pending;
  Resolved resolved;
  std::int64_t rows = 1;  // 1 for models without a batch axis
  bool alone = false;     // never merged: no batch axis, or no rows at all
  bool idle = false;      // nobody's: a row that only keeps others in their places
  BucketKey bucket;
  // Of models with a queue policy; see queue_policy.h.
  std::uint64_t level = 0;      // of priority; lower ones go first
  TimePoint expires = kNever;   // when its time in the queue is over
  std::size_t input_bytes = 0;  // counted where they are bounded
};

}  // namespace mlops
