#pragma once
// "99 of 100 requests are answered within so much time": which batches to form for that, and what
// to refuse because it could not be answered in time. Decisions over a learned LatencyModel per
// bucket of shapes; no threads, no time but what it is given. Not thread-safe: the owner's lock
// guards it.

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
  // A batch was answered, the oldest of its requests so long after it came. Whatever the model of
  // run times does not know shows here: when more than one in two hundred is late, less is
  // promised.
  void answered(Duration oldest);
  // What nine of ten runs do not exceed. Sums of it are what decisions are made of: with averages,
  // every request that is taken at the brink would be late as soon as one run before it is slow.
  Duration run_time(const BucketKey& bucket, std::int64_t rows, TimePoint now) const;

  // A run may take half of the objective; the other half is for waiting while the one before it
  // runs. Never less to save a request that waited long: smaller batches would make all behind it
  // later than they were promised.
  std::int64_t rows_max(const BucketKey& bucket, TimePoint now) const;

  // What is ahead of a request that comes now.
  struct Ahead {
    const BatchQueue& queue;
    bool lane_idle;
    std::span<const TimePoint> lanes_free_at;  // one for each lane, as expected when it began
  };
  // By how much the request would be late; nullopt when it would not. One that waits for nobody is
  // always tried, or nothing new would ever be learned.
  std::optional<Duration> too_late(const Job& job, const Ahead& ahead, TimePoint now) const;

 private:
  // Clients choose shapes: what is learned of them is bounded.
  static constexpr std::size_t kBucketsMax = 64;

  const LatencyModel& model_of(const BucketKey& bucket) const;
  std::int64_t rows_max_of(const LatencyModel& model, TimePoint now) const;

  const ObjectiveOptions options_;
  std::map<BucketKey, LatencyModel> models_;
  LatencyModel others_;
  double margin_ = 0;  // share of the objective that is not promised
};

}  // namespace mlops
