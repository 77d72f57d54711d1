#pragma once
// The back half of a request's story, on a lane: gather -> execute -> (observe) -> respond.
// One lane runs one batch at a time; lanes share nothing mutable but the slab pool and the
// counters.

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "batch/gather.h"
#include "batch/job.h"
#include "engine/engine.h"
#include "engine/feedback_book.h"
#include "engine/model_recorder.h"
#include "execute/backend.h"
#include "observe/drift_observer.h"
#include "tensor/slab_pool.h"

namespace mlops {

// What all lanes of a model version share. Everything pointed to outlives them.
struct LaneContext {
  std::shared_ptr<const ModelInfo> info;
  std::vector<bool> sizable_outputs;  // outputs whose size is known before the run; see batch_probe
  SlabPool* slabs = nullptr;
  CopyMeter* copies = nullptr;
  const Clock* clock = nullptr;
  FailureRecorder* failures = nullptr;
  std::shared_ptr<DriftObserver> drift;            // null: its rows are not watched
  std::shared_ptr<const FeedbackTarget> feedback;  // null: its predictions are not remembered
  bool repeatable = true;  // a run that failed may be tried again with fewer rows
};

struct Lane {
  std::unique_ptr<Executor> executor;
  std::vector<Job> batch;       // what runs now; filled and cleared under the owner's lock
  std::uint64_t batch_id = 0;   // of what runs now; no two batches have the same
  std::size_t input_bytes = 0;  // of what runs now, where inputs are bounded; likewise
  TimePoint free_at{};          // as expected, where there is a latency objective; past when idle
  LaneRecorder recorder;
  std::unique_ptr<LaneObserver> observer;  // null: its rows are not watched
  std::unique_ptr<PredictionNotes> notes;  // null: its predictions are not remembered
  // Scratch, kept to avoid allocation.
  std::vector<Tensor> inputs;
  std::vector<Buffer> staging;  // one per input of the signature
  std::vector<OutputSlot> outputs;
  std::vector<Part> parts;
  std::vector<std::vector<Tensor>> shares;               // [output][part] of a batch of several
  std::vector<const Tensor*> observed;                   // outputs, null where there is none
  std::vector<std::optional<std::size_t>> output_sizes;  // of those that are preallocated
  std::array<Buffer, 4> small_outputs;
  std::size_t small_outputs_next = 0;  // which of them is replaced next
};

// Runs claimed jobs as one batch and answers each exactly once. When a batch fails it is halved and
// tried again, so that a request that breaks the model fails alone. Returns the time spent in the
// back end for the whole batch.
Duration run_batch(const LaneContext& context, Lane& lane, std::span<Job> jobs, bool inline_run);

// Runs one request on the calling thread, without a Pending. `started_at` is when it was submitted.
void run_single(const LaneContext& context, Lane& lane, Request& request, const Resolved& resolved,
                std::int64_t rows, TimePoint started_at, Response& response);

}  // namespace mlops
