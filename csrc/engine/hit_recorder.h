#pragma once
// What is known of requests that no lane ran: counts and times of cache hits and misses; the rows
// of hits for drift statistics and their predictions for feedback, which would else see only what
// is asked for once.
//
// Threads share a few desks by their number, each behind a lock that is nearly always free.
// Thread-safe.

#include <memory>
#include <mutex>
#include <vector>

#include "engine/cache_worth.h"
#include "engine/engine.h"
#include "engine/feedback_book.h"
#include "engine/model_recorder.h"
#include "observe/drift_observer.h"
#include "request/request.h"

namespace mlops {

class HitRecorder {
 public:
  // `drift` and `feedback` may be null: nothing is watched, no prediction is remembered.
  HitRecorder(std::shared_ptr<const ModelInfo> info, std::shared_ptr<DriftObserver> drift,
              const std::shared_ptr<const FeedbackTarget>& feedback, const Clock& clock);

  // `spent_ns` of looking it up and handing it over, of `request_ns` since submission. `shared`: it
  // waited for an equal request's answer.
  struct Hit {
    std::uint64_t spent_ns = 0;
    std::uint64_t request_ns = 0;
    bool shared = false;
  };
  void hit(const Hit& hit, const Request& request, const Response& response, TimePoint now);
  void miss(std::uint64_t looking_ns);
  void kept(std::uint64_t keeping_ns) { miss_ns_.add(keeping_ns); }

  CacheWork work() const;  // but for what a run takes

  // Hands over what was counted for drift; for readers.
  void settle();
  void add_to(ModelStats& stats) const;

 private:
  struct Desk {
    std::mutex mutex;
    LaneRecorder recorder;                   // guarded by mutex
    std::unique_ptr<LaneObserver> observer;  // likewise; null: nothing is watched
    std::unique_ptr<PredictionNotes> notes;  // likewise; null: no prediction is remembered
    std::vector<Tensor> inputs;              // scratch
    std::vector<const Tensor*> outputs;
  };
  void observe(Desk& desk, const Request& request, const Response& response, TimePoint now);
  Desk& desk() { return *desks_[thread_shard() % desks_.size()]; }

  void note(Desk& desk, const Request& request, const Response& response);

  const std::shared_ptr<const ModelInfo> info_;
  const std::shared_ptr<DriftObserver> drift_;
  std::vector<std::unique_ptr<Desk>> desks_;
  ShardedCounter hits_, shared_, hit_ns_, misses_, miss_ns_;
};

}  // namespace mlops
