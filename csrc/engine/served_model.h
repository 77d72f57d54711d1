#pragma once
// One loaded version at work: a bounded queue, N lanes, and whoever comes by to run them.
//
// No thread hands batches to another: a thread that finds a lane idle takes a batch and runs it.
// That thread is a blocking caller, an event loop with what one turn has drained, or a thread of
// the pool that all models share (lane_pool.h) when the work is long or nobody else is there.
//
// Thread-safe. Lock: mutex_ guards the queue and the idle lanes; it is never held while a model
// runs or a reply is delivered, and is taken before the pool's. Replies are delivered on the thread
// that ran the batch.

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "batch/batch_policy.h"
#include "batch/batch_queue.h"
#include "batch/batch_size_search.h"
#include "batch/latency_objective.h"
#include "batch/length_costs.h"
#include "engine/batch_run.h"
#include "engine/deadline_watch.h"
#include "engine/lane_pool.h"
#include "engine/servable.h"
#include "model/model_config.h"
#include "model/serving_limits.h"

namespace mlops {

struct ServedModelOptions {
  unsigned lanes = 1;
  std::size_t queue_requests_max = 0;
  BatchLimits batch;
  Duration inline_run_max{0};
  Duration expected_run{0};  // from the probe; learned afterwards
  bool padding = false;      // requests of different lengths may share a run
  std::optional<SequenceBatching> sequences;
  std::shared_ptr<const DynamicBatching> policy;  // of the queue; null: none was configured
  ServingLimits limits;
  LanePool::Terms terms;
  std::shared_ptr<InputGuard> guard;  // null: values are not looked at before they run
};

class ServedModel final : public Servable {
 public:
  // `context.failures` is filled in here; everything else in it outlives the model.
  static Result<std::shared_ptr<ServedModel>> create(std::unique_ptr<Backend> backend,
                                                     LaneContext context,
                                                     const ServedModelOptions& options,
                                                     DeadlineWatch& watch, LanePool& pool);
  ~ServedModel() override;

  const ModelInfo& info() const override { return *context_.info; }
  ModelStats stats() const override;

  // Checks a request against the signature and works out its rows and bucket.
  Status prepare(const Request& request, Job& job) const;

  bool has_queue_policy() const override { return options_.policy != nullptr; }
  std::optional<std::int64_t> elsewhere(const Request& request) const override;
  void sent_elsewhere() override;
  bool infer(Request& request, TimePoint now, Response& response) override;
  bool submit(const PendingRef& pending, TimePoint now) override;
  bool submit_turn(std::span<PendingRef> turn, TimePoint now) override;
  std::size_t waiting() const override;
  TimePoint expire(TimePoint now) override;
  bool drain(TimePoint deadline) override;
  DriftObserver* drift() override { return context_.drift.get(); }
  void settle_drift() override;
  // Waits for what runs (and interrupts it after ten seconds). Not from a thread of the
  // pool.
  void stop() override;

 private:
  ServedModel(std::unique_ptr<Backend> backend, LaneContext context,
              const ServedModelOptions& options, DeadlineWatch& watch);
  Status add_lanes(unsigned count);
  bool lane_turn();
  Status admit(Request& request, TimePoint now, Job& job) const;
  Status classify(const Request& request, TimePoint now, Job& job) const;

  Lane* take_idle_locked();
  void give_back_locked(Lane* lane);
  bool take_batch_locked(Lane& lane, TimePoint now, TimePoint& wait_until);
  void run_taken(Lane& lane, std::unique_lock<std::mutex>& lock, bool inline_run);
  bool could_run_locked() const { return !queue_.empty() && !idle_.empty(); }
  void ask_pool_locked();
  void release_dropped(std::unique_lock<std::mutex>& lock);
  void run_inline(std::unique_lock<std::mutex>& lock, TimePoint now);
  void prepare_turn(std::span<PendingRef> turn, TimePoint now, std::vector<Job>& jobs);
  // What is refused although nothing is wrong with it.
  struct Refused {
    Refusal why;
    std::uint32_t retry_after_s = 0;
  };
  std::optional<Refused> over_limits_locked(const Job& job, TimePoint now);
  std::optional<Refused> too_late_locked(const Job& job, TimePoint now);
  void expect_run_locked(Lane& lane, const BucketKey& bucket, std::int64_t rows, TimePoint now);
  bool take_lengths_locked(Lane& lane, TimePoint now);
  void learn_sizes_locked(std::span<const Job> jobs, Duration spent);
  void learn_run_locked(std::span<const Job> jobs, TimePoint began);
  std::optional<Refused> push_locked(Job& job, TimePoint now);
  std::size_t inflight_locked() const;
  std::size_t input_bytes_locked() const;
  Refused refused_locked(Refusal why) const;
  Response refusal(const Request& request, const Refused& refused) const;
  Response refuse_caller(const Request& request, const Refused& refused);
  void refuse(Pending& pending, const Refused& refused);
  void refuse(Pending& pending, Status why);
  bool fast() const;
  void add_drift(ModelStats& stats) const;

  const std::unique_ptr<Backend> backend_;
  FailureRecorder failures_;
  LaneContext context_;
  const ServedModelOptions options_;
  DeadlineWatch& watch_;
  std::atomic<std::int64_t> expected_run_ns_;

  mutable std::mutex mutex_;
  std::condition_variable calm_;               // a lane went idle
  BatchQueue queue_;                           // guarded by mutex_
  std::vector<Lane*> idle_;                    // guarded by mutex_
  std::optional<LatencyObjective> objective_;  // guarded by mutex_
  std::optional<BatchSizeSearch> sizes_;       // guarded by mutex_
  std::uint32_t passed_ = 0;                   // guarded by mutex_: of the back end, when last seen
  std::optional<LengthCosts> lengths_;         // guarded by mutex_; none: nothing is padded
  std::vector<WaitingLength> waiting_lengths_;  // scratch, guarded by mutex_
  std::vector<TimePoint> lanes_free_at_;        // scratch, guarded by mutex_
  bool accepting_ = true;                       // guarded by mutex_
  bool stopping_ = false;                       // guarded by mutex_
  bool asked_ = false;  // guarded by mutex_: a turn of the pool will look at the queue after this
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::unique_ptr<LanePool::Seat> seat_;
};

}  // namespace mlops
