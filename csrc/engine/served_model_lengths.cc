// Which lengths share a run: the part of ServedModel that pads or splits.

#include <algorithm>

#include "engine/served_model.h"

namespace mlops {

// Long runs only: beside them, looking at what waits costs nothing.
bool ServedModel::take_lengths_locked(Lane& lane, TimePoint now) {
  if (!lengths_ || fast()) return false;
  const std::size_t oldest = queue_.waiting_lengths(waiting_lengths_);
  if (oldest == waiting_lengths_.size() || waiting_lengths_.size() < 2) return false;
  const LengthRange range =
      lengths_->choose(waiting_lengths_, oldest, options_.batch.rows_max, now);
  if (range.shortest == range.longest) return false;
  queue_.take_lengths(range, options_.batch.rows_max, lane.batch);
  return true;
}

void ServedModel::learn_sizes_locked(std::span<const Job> jobs, Duration spent) {
  if (fast()) return;
  std::int64_t rows = 0;
  std::int64_t longest = 0;
  bool padded = false;
  for (const Job& job : jobs) {
    rows += job.rows;
    longest = std::max(longest, length_of(job.bucket));
    padded = padded || job.bucket != jobs.front().bucket;
  }
  if (sizes_ && !padded) sizes_->ran(jobs.front().bucket, rows, spent);
  if (lengths_ && longest > 0) lengths_->ran(longest, rows, spent, context_.clock->now());
}

}  // namespace mlops
