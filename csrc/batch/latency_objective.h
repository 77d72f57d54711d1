#pragma once
// "99 of 100 requests are answered within so much time": which batches to form for that, and what to
// refuse because it could not be answered in time. Decisions over a learned LatencyModel per bucket
// of shapes; no threads, no time but what it is given. Not thread-safe: the owner's lock guards it.

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>

#include "base/clock.h"
#include "batch/batch_queue.h"
#include "batch/job.h"
#include "batch/latency_model.h"

namespace mlops {

struct ObjectiveOptions {
  Duration p99{0};
  Duration single_row{0};  // of the probe
  std::int64_t rows_max = 1;
};

class LatencyObjective {
 public:
  explicit LatencyObjective(const ObjectiveOptions& options)
      : options_(options), others_(options.single_row) {}

  void ran(const BucketKey& bucket, std::int64_t rows, Duration took, TimePoint now);
  Duration expected(const BucketKey& bucket, std::int64_t rows, TimePoint now) const;

  // The rows of a batch whose oldest request came at `oldest_at`. A run may take half of the
  // objective: the other half is for waiting while the one before it runs. Less where that saves the
  // oldest request; not less for one that is late anyway, which would only make others late.
  std::int64_t rows_max(const BucketKey& bucket, TimePoint oldest_at, TimePoint now) const;

  // What is ahead of a request that comes now. A lane that is idle is free at `now`.
  struct Ahead {
    const BatchQueue& queue;
    std::span<const TimePoint> lanes_free_at;  // one for each lane
  };
  // By how much the request would be late, with one chance in a hundred or more; nullopt when it
  // would not. One that waits for nobody is always tried, or nothing new would ever be learned.
  std::optional<Duration> too_late(const Job& job, const Ahead& ahead, TimePoint now) const;

 private:
  // Clients choose shapes: what is learned of them is bounded.
  static constexpr std::size_t kBucketsMax = 64;

  const LatencyModel& model_of(const BucketKey& bucket) const;
  std::int64_t sustained_rows(const LatencyModel& model, TimePoint now) const;

  const ObjectiveOptions options_;
  std::map<BucketKey, LatencyModel> models_;
  LatencyModel others_;
};

}  // namespace mlops
