#pragma once
// Live counters of one model version, merged when they are read.

#include <array>
#include <atomic>
#include <cstdint>

#include "base/histogram.h"
#include "base/sharded_counter.h"
#include "engine/batch_table.h"
#include "engine/stats.h"

namespace mlops {

struct ExecutionTimes {
  std::uint64_t input_ns = 0;
  std::uint64_t infer_ns = 0;
  std::uint64_t output_ns = 0;
};

// What one lane has run. Written by whoever holds the lane, read by anybody: plain additions, which
// cost a tenth of what atomic ones do, and there would be a dozen of them in each run.
class LaneRecorder {
 public:
  void success(std::uint64_t request_ns, std::uint64_t queue_ns, std::uint64_t rows);
  // `requests` of the execution were answered with success.
  void execution(std::uint64_t rows, std::uint64_t requests, const ExecutionTimes& times,
                 bool on_submitting_thread);
  void add_to(ModelStats& stats) const;

 private:
  std::atomic<std::uint64_t> inferences_{0};
  std::atomic<std::uint64_t> inline_executions_{0};
  std::atomic<std::uint64_t> last_inference_ms_{0};
  std::atomic<std::uint64_t> input_ns_sum_{0}, infer_ns_sum_{0}, output_ns_sum_{0};  // per request
  std::array<std::atomic<std::uint64_t>, kFirstResponseEdgesMs.size() + 1> first_response_{};
  Histogram request_ns_, queue_ns_, input_ns_, infer_ns_, output_ns_, batch_rows_;
  BatchTable batches_;
};

// Requests that ended without an answer from the model, by outcome. Any thread.
class FailureRecorder {
 public:
  // `request_ns` since submission.
  void add(Code code, std::uint64_t request_ns = 0) {
    failures_[static_cast<std::size_t>(code)].add(1);
    if (request_ns > 0) failure_ns_.add(request_ns);
  }
  void refused(Refusal refusal) { refused_[static_cast<std::size_t>(refusal)].add(1); }
  void add_to(ModelStats& stats) const;

 private:
  std::array<ShardedCounter, kCodes> failures_;
  std::array<ShardedCounter, kRefusals> refused_;
  ShardedCounter failure_ns_;
};

}  // namespace mlops
