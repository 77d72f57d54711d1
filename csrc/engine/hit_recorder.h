#pragma once
// What is known of requests that no lane ran: counts and times of cache hits and misses; the rows
// of hits for drift statistics and their predictions for feedback, which would else see only what
// is asked for once.
//
// Threads share a few desks by their number, each behind a lock that is nearly always free.
// Thread-safe.

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "base/sharded_counter.h"
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
  // A request was looked for in vain. Reading the clock would be a good part of what that costs, so
  // one miss in kMissesTimed is timed.
  struct Miss {
    std::uint64_t stands_for = 0;  // misses, with its times; 0: it is not timed
    bool due = false;              // it is time to judge the cache's worth
  };
  Miss miss() {
    const std::uint64_t before = misses().count.fetch_add(1, std::memory_order_relaxed);
    const bool timed = before % kMissesTimed == 0;
    return {timed ? (before == 0 ? 1 : kMissesTimed) : 0,
            (before + 1) % CacheWorth::kMissesBetween == 0};
  }
  // What one that is timed took, for looking and for keeping the answer. A time of many times the
  // usual is a thread that was put to sleep: it would stand for others that were not.
  void missed(std::uint64_t stands_for, std::uint64_t ns) {
    Misses& at = misses();
    const std::uint64_t usual = at.usual_ns.load(std::memory_order_relaxed);
    const std::uint64_t counted = usual == 0 ? ns : std::min(ns, kTimesUsualMost * usual);
    at.usual_ns.store(usual == 0 ? counted : (7 * usual + counted) / 8 + 1,
                      std::memory_order_relaxed);
    at.ns.fetch_add(stands_for * counted, std::memory_order_relaxed);
  }

  // Rows that were looked for; of a request that found some, a part of a hit was saved.
  void rows(std::uint64_t found, std::uint64_t missed) {
    row_counts().found.fetch_add(found, std::memory_order_relaxed);
    if (missed == 0) return;
    row_counts().missed.fetch_add(missed, std::memory_order_relaxed);
    if (found == 0) return;
    row_counts().partial.fetch_add(1, std::memory_order_relaxed);
    row_counts().saved.fetch_add(kWholeHit * found / (found + missed), std::memory_order_relaxed);
  }
  // The answer of a request of which a lane has run some rows and seen those: the others, for which
  // `unseen(row)` is true, are watched, and the predictions of all are remembered.
  template <class Unseen>
  void joined(const Request& request, const Response& response, std::size_t rows, TimePoint now,
              Unseen unseen) {
    Desk& at = desk();
    const std::lock_guard lock(at.mutex);
    if (at.notes) note(at, request, response);
    if (!at.observer) return;
    for (std::size_t row = 0; row < rows; ++row) {
      if (unseen(row)) observe(at, request, response, {row, 1}, now);
    }
    at.observer->after_reply();
  }

  CacheWork work() const;  // but for what a run takes

  // Hands over what was counted for drift; for readers.
  void settle();
  void add_to(ModelStats& stats) const;

 private:
  static constexpr std::uint64_t kMissesTimed = 8;
  static constexpr std::uint64_t kTimesUsualMost = 16;
  struct Desk {
    std::mutex mutex;
    // Written under mutex, read by anybody.
    std::atomic<std::uint64_t> hits{0}, hit_ns{0}, shared{0};
    LaneRecorder recorder;                   // guarded by mutex
    std::unique_ptr<LaneObserver> observer;  // likewise; null: nothing is watched
    std::unique_ptr<PredictionNotes> notes;  // likewise; null: no prediction is remembered
    std::vector<Tensor> inputs;              // scratch
    std::vector<const Tensor*> outputs;
  };
  struct alignas(64) Misses {
    std::atomic<std::uint64_t> count{0}, ns{0};
    std::atomic<std::uint64_t> usual_ns{0};  // learned; 0: not yet
  };
  Misses& misses() { return misses_[thread_shard()]; }
  static constexpr std::uint64_t kWholeHit = 1024;
  struct alignas(64) RowCounts {
    std::atomic<std::uint64_t> found{0}, missed{0}, partial{0};
    std::atomic<std::uint64_t> saved{0};  // parts of hits, of kWholeHit each
  };
  RowCounts& row_counts() { return row_counts_[thread_shard()]; }
  struct RowRange {
    std::size_t first = 0;
    std::size_t count = SIZE_MAX;  // to the end
  };
  void observe(Desk& desk, const Request& request, const Response& response, const RowRange& range,
               TimePoint now);
  Desk& desk() { return *desks_[thread_shard() % desks_.size()]; }

  void note(Desk& desk, const Request& request, const Response& response);

  const std::shared_ptr<const ModelInfo> info_;
  const std::shared_ptr<DriftObserver> drift_;
  std::vector<std::unique_ptr<Desk>> desks_;
  std::array<Misses, kCounterShards> misses_;
  std::array<RowCounts, kCounterShards> row_counts_;
};

}  // namespace mlops
