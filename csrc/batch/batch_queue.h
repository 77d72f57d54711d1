#pragma once
// The waiting requests of one model version: a bounded FIFO per bucket, so that one shape never
// closes another shape's batch. Buckets are served in the order of their oldest request.
//
// With a queue policy there are such FIFOs for every priority level, and one more behind each for
// requests whose time was over and whose policy delays instead of rejecting. What goes first opens
// a batch; requests of its bucket from further behind fill it up. Not thread-safe: the owner's lock
// guards it.

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/ring.h"
#include "batch/batch_policy.h"
#include "batch/job.h"
#include "batch/length_costs.h"
#include "model/model_config.h"

namespace mlops {

class BatchQueue {
 public:
  // `policy`: levels, timeouts and sizes; null: one level without limits but `requests_max`.
  explicit BatchQueue(std::size_t requests_max,
                      std::shared_ptr<const DynamicBatching> policy = nullptr)
      : requests_max_(requests_max), policy_(std::move(policy)) {}

  // False when the queue, or its part for the job's level, is full; the job is then untouched. Room
  // taken by requests that were answered meanwhile (cancelled, expired) is reclaimed before
  // refusing.
  bool try_push(Job& job, TimePoint now);

  // Takes out what was answered while it waited. Does nothing at times: it walks over all that
  // wait, and under overload every refusal would call it.
  void reclaim();

  // Facts for the policy; nullopt when nothing live waits. Drops dead heads on the way, and applies
  // timeouts.
  std::optional<QueueFacts> facts(TimePoint now);
  // What the batch that is up next would take if it closed at one of `sizes` (ascending, not
  // empty): the largest that its requests, in order, add up to. Else all that fit before the last
  // size is passed; 0 while neither is known.
  std::int64_t preferred_rows(std::span<const std::int64_t> sizes);

  // Appends to `batch` claimed requests from the bucket that is up next until `rows_max` would be
  // exceeded; at least one when any is live. Dead entries are dropped, not counted.
  void take(std::int64_t rows_max, std::vector<Job>& batch);

  // The lengths that wait in the rank that is up next, ascending, of requests whose open sizes are
  // all that one length; and which of them the next batch opens with: lengths.size() when it is
  // none of them. After facts() found any.
  std::size_t waiting_lengths(std::vector<WaitingLength>& lengths);
  // Like take(), from all lines of that rank whose length is in `range`, what is up next first.
  void take_lengths(const LengthRange& range, std::int64_t rows_max, std::vector<Job>& batch);

  // Applies timeouts, and takes out every waiting request whose deadline has passed: those are
  // handed back to be answered outside the owner's lock. Returns when to come again.
  TimePoint collect_expired(TimePoint now, std::vector<PendingRef>& expired);

  std::vector<PendingRef> take_all();

  // Requests that were answered while they waited and have left the queue since the last call.
  // Their last reference may be here, so the owner lets them go outside its lock.
  std::vector<PendingRef> take_dead() { return std::exchange(dead_, {}); }
  // Requests that were rejected since the last call because their time in the queue was over. The
  // owner answers them outside its lock.
  std::vector<PendingRef> take_timed_out() { return std::exchange(timed_out_, {}); }
  bool has_dropped() const { return !dead_.empty() || !timed_out_.empty(); }
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }  // dead entries included
  std::size_t input_bytes() const { return input_bytes_; }
  // Calls f(bucket, rows) for all that a request of `level` would have to wait for.
  template <class F>
  void for_each_line(std::uint64_t level, F f) const {
    for (const auto& [place, line] : lines_) {
      if (place.level > level) return;
      if (line.rows > 0) f(place.bucket, line.rows);
    }
  }
  const BucketKey& next_bucket() { return next_up()->first.bucket; }  // after facts() found any

 private:
  struct Waiting {
    Job job;
    TimePoint since{};
  };
  struct Line {
    Ring<Waiting> waiting;
    std::int64_t rows = 0;
  };
  // In the order of service, but for the bucket.
  struct Place {
    std::uint64_t level = 0;
    bool delayed = false;
    BucketKey bucket;
    bool same_rank(const Place& other) const {
      return level == other.level && delayed == other.delayed;
    }
  };
  struct PlaceView {
    std::uint64_t level;
    bool delayed;
    const BucketKey& bucket;
  };
  struct InOrder {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      if (a.level != b.level) return a.level < b.level;
      if (a.delayed != b.delayed) return b.delayed;
      return a.bucket < b.bucket;
    }
  };
  using Lines = std::map<Place, Line, InOrder>;

  Lines::iterator next_up();
  Lines::iterator behind(Lines::iterator it);
  bool has_room(const Job& job) const;
  Line& line_at(const PlaceView& place);
  void append(Line& line, Waiting&& waiting);
  bool fill(Line& line, std::int64_t rows_max, std::int64_t& rows, std::vector<Job>& batch);
  void apply_timeouts(TimePoint now);
  void drop_dead_heads(Line& line);
  Waiting pop(Line& line);
  void left(Line& line, const Job& job);
  std::size_t requests_max_;
  std::shared_ptr<const DynamicBatching> policy_;
  std::size_t size_ = 0;
  std::size_t input_bytes_ = 0;
  TimePoint next_timeout_ = kNever;  // no request's time in the queue is over before
  std::size_t calls_until_reclaim_ = 0;
  Lines lines_;
  std::vector<PendingRef> dead_;
  std::vector<PendingRef> timed_out_;
};

}  // namespace mlops
