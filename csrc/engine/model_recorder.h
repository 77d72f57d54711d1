#pragma once
// Live counters of one model version. Any thread; every record is a few relaxed adds into the
// calling thread's shard.

#include <array>
#include <atomic>
#include <cstdint>

#include "base/histogram.h"
#include "base/sharded_counter.h"
#include "engine/stats.h"

namespace mlops {

struct ExecutionTimes {
  std::uint64_t input_ns = 0;
  std::uint64_t infer_ns = 0;
  std::uint64_t output_ns = 0;
};

class ModelRecorder {
 public:
  void success(std::uint64_t request_ns, std::uint64_t queue_ns, std::uint64_t rows);
  void failure(Code code) { failure_[static_cast<std::size_t>(code)].add(1); }
  void execution(std::uint64_t rows, const ExecutionTimes& times, bool on_submitting_thread);
  ModelStats snapshot() const;

 private:
  ShardedCounter inferences_;
  std::array<ShardedCounter, 9> failure_;
  ShardedCounter inline_executions_;
  std::atomic<std::uint64_t> last_inference_ms_{0};
  Histogram request_ns_, queue_ns_, input_ns_, infer_ns_, output_ns_, batch_rows_;
};

}  // namespace mlops
