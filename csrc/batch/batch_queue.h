#pragma once
// The waiting requests of one model version: a bounded FIFO per bucket, so that one shape never
// closes another shape's batch. Buckets are served in the order of their oldest request.
// Not thread-safe: the owner's lock guards it.

#include <cstddef>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/ring.h"
#include "batch/batch_policy.h"
#include "batch/job.h"

namespace mlops {

class BatchQueue {
 public:
  explicit BatchQueue(std::size_t requests_max) : requests_max_(requests_max) {}

  // False when full; the job is then untouched. Room taken by requests that were answered
  // meanwhile (cancelled, expired) is reclaimed before refusing.
  bool try_push(Job& job, TimePoint now);

  // Facts for the policy; nullopt when nothing live waits. Drops dead heads on the way.
  std::optional<QueueFacts> facts();

  // Appends to `batch` claimed requests from the oldest bucket until `rows_max` would be exceeded;
  // at least one when any is live. Dead entries are dropped, not counted.
  void take(std::int64_t rows_max, std::vector<Job>& batch);

  // Fails every waiting request whose deadline has passed; returns the earliest one still to come.
  // The failed are handed back so that they can be answered outside the owner's lock.
  TimePoint collect_expired(TimePoint now, std::vector<PendingRef>& expired);

  std::vector<PendingRef> take_all();

  // Requests that were answered while they waited and have left the queue since the last call.
  // Their last reference may be here, so the owner lets them go outside its lock.
  std::vector<PendingRef> take_dead() { return std::exchange(dead_, {}); }
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }  // dead entries included

 private:
  struct Waiting {
    Job job;
    TimePoint since{};
  };
  struct Bucket {
    Ring<Waiting> waiting;
    std::int64_t rows = 0;
  };
  using Buckets = std::map<BucketKey, Bucket>;

  Buckets::iterator oldest();
  void drop_dead_heads(Bucket& bucket);
  Waiting pop(Bucket& bucket);
  void drop_dead();

  std::size_t requests_max_;
  std::size_t size_ = 0;
  // A full queue is searched for dead entries only now and then: under overload every refusal would
  // otherwise cost a walk over all that wait.
  std::size_t refusals_until_search_ = 0;
  Buckets buckets_;
  std::vector<PendingRef> dead_;
};

}  // namespace mlops
