#pragma once
// What the engine knows about its own work, as plain data. A snapshot is consistent per field, not
// across fields: counters are bumped without locks.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/histogram.h"
#include "base/status.h"
#include "cache/prediction_cache.h"
#include "engine/input_guard.h"
#include "engine/refusal.h"
#include "engine/route_status.h"
#include "labels/label_join.h"
#include "observe/drift_observer.h"
#include "tensor/copy_meter.h"

namespace mlops {

// What one lane's executions of one batch size took together.
struct BatchStats {
  std::uint64_t rows = 0;
  std::uint64_t executions = 0;
  std::uint64_t input_ns = 0;
  std::uint64_t infer_ns = 0;
  std::uint64_t output_ns = 0;
};

struct CountedTime {
  std::uint64_t count = 0;
  std::uint64_t ns = 0;
};

// Rows that were looked for one by one.
struct CacheRows {
  std::uint64_t found = 0;
  std::uint64_t missed = 0;
};

// The responses of one number that a decoupled model gave, or did not.
struct ResponseStats {
  CountedTime compute_infer;   // since the response before, in the back end
  CountedTime compute_output;  // handing it over; not of empty ones
  CountedTime success;
  CountedTime fail;
  CountedTime empty;  // without outputs: that was all
  CountedTime cancel;
};

// Triton's bucket edges of nv_inference_first_response_histogram_ms.
inline constexpr std::array<std::uint64_t, 4> kFirstResponseEdgesMs = {100, 500, 2000, 5000};

// The steps of successful requests, each request charged with all of its batch's time, as Triton's
// statistics and counters do.
struct RequestTimes {
  std::uint64_t input_ns = 0;
  std::uint64_t infer_ns = 0;
  std::uint64_t output_ns = 0;
};

struct ModelStats {
  std::string name;
  std::int64_t version = 0;
  std::uint64_t success = 0;                       // requests
  std::array<std::uint64_t, kCodes> failure{};     // requests, by Code
  std::uint64_t failure_ns = 0;                    // submission to refusal, all failures
  std::array<std::uint64_t, kRefusals> refused{};  // of the failures, by Refusal
  std::uint64_t inferences = 0;                    // rows executed for successful requests
  std::uint64_t executions = 0;                    // back end runs
  std::uint64_t inline_executions = 0;             // of which on the submitting thread
  std::uint64_t queued = 0;                        // waiting now
  std::optional<std::uint64_t> inflight;  // waiting and running; of models that are batched
  std::uint64_t slo_p99_us = 0;           // the latency objective; 0: none
  double compute_weight = 1;              // its share of the pool, relative to the others'
  std::uint64_t compute_ns = 0;           // processor time of its lanes in the pool
  // Runs that went to ONNX Runtime for their values, where another back end has the others.
  std::optional<std::uint64_t> runs_set_aside;
  std::optional<InputGuardCounts> guard;  // of a version whose inputs are guarded
  std::optional<DriftCost> drift;         // of a version whose rows are watched
  std::optional<JudgeFigures> judge;      // of one that has a reference
  std::uint64_t last_inference_ms = 0;    // since the epoch; 0: never
  HistogramSnapshot request_ns;           // submission to reply, successes
  HistogramSnapshot queue_ns;             // submission to being taken into a batch
  HistogramSnapshot input_ns;             // gather, per execution
  HistogramSnapshot infer_ns;             // back end run, per execution
  HistogramSnapshot output_ns;            // scatter and reply, per execution
  HistogramSnapshot batch_rows;           // rows per execution
  RequestTimes per_request;
  // Successes by the time to their first response: at most kFirstResponseEdgesMs[i], last: longer.
  std::array<std::uint64_t, kFirstResponseEdgesMs.size() + 1> first_response{};
  CountedTime cache_hit;                 // successes that no lane ran, and the time of finding them
  CountedTime cache_miss;                // looked for in vain; with the time of keeping the answers
  std::uint64_t cache_shared = 0;        // of the hits: waited for an equal request's answer
  std::uint64_t cache_partial = 0;       // of the misses: some of their rows were found
  CacheRows cache_rows;                  // of a version that looks for rows
  bool cached = false;                   // it has a cache
  std::vector<BatchStats> batches;       // ascending by rows
  std::vector<ResponseStats> responses;  // by number; of decoupled models
};

// The threads that all models share; see lane_pool.h.
struct PoolStats {
  std::uint64_t cores = 0;       // turns that may compute at a time
  std::uint64_t busy_cores = 0;  // that do now
  std::uint64_t threads = 0;     // now
  std::uint64_t turns = 0;       // begun
  std::uint64_t wait_ns = 0;     // from being asked for to beginning, all turns
  std::uint64_t overruns = 0;    // that took so long that another thread had to take over
};

// Of a model whose predictions are remembered.
struct FeedbackStats {
  struct Version {
    std::int64_t version = 0;
    // NaN where there is nothing to say.
    double coverage = 0;
    double accuracy = 0;
    double expected_accuracy = 0;
    double mean_absolute_error = 0;
    double calibration_log_wealth = 0;
  };
  std::string model;
  JoinCounts counts;
  std::vector<Version> versions;
};

struct EngineStats {
  PoolStats pool;
  std::vector<FeedbackStats> feedback;
  std::optional<CacheStats> cache;  // where there is one
  std::vector<ModelStats> models;
  std::vector<RouteStatus> routes;
  std::array<std::uint64_t, kCopySites> copy_bytes{};
  std::uint64_t slab_bytes_in_use = 0;
};

}  // namespace mlops
