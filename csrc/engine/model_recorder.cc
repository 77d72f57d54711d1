#include "engine/model_recorder.h"

#include <algorithm>
#include <ctime>

#include "base/single_writer.h"

namespace mlops {
namespace {

// The coarse clock: a counter page read, not a time stamp counter read.
std::uint64_t wall_ms() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

}  // namespace

void LaneRecorder::success(std::uint64_t request_ns, std::uint64_t queue_ns, std::uint64_t rows) {
  bump(inferences_, rows);
  request_ns_.record(request_ns);
  queue_ns_.record(queue_ns);
  std::size_t bucket = 0;
  while (bucket < kFirstResponseEdgesMs.size() &&
         request_ns > kFirstResponseEdgesMs[bucket] * 1'000'000) {
    ++bucket;
  }
  bump(first_response_[bucket], 1);
}

void LaneRecorder::execution(std::uint64_t rows, std::uint64_t requests,
                             const ExecutionTimes& times, bool on_submitting_thread) {
  input_ns_.record(times.input_ns);
  infer_ns_.record(times.infer_ns);
  output_ns_.record(times.output_ns);
  batch_rows_.record(rows);
  bump(input_ns_sum_, requests * times.input_ns);
  bump(infer_ns_sum_, requests * times.infer_ns);
  bump(output_ns_sum_, requests * times.output_ns);
  batches_.add({rows, 1, times.input_ns, times.infer_ns, times.output_ns});
  if (on_submitting_thread) bump(inline_executions_, 1);
  last_inference_ms_.store(wall_ms(), std::memory_order_relaxed);
}

void LaneRecorder::add_to(ModelStats& stats) const {
  const HistogramSnapshot requests = request_ns_.snapshot();
  const HistogramSnapshot runs = infer_ns_.snapshot();
  stats.request_ns.merge(requests);
  stats.queue_ns.merge(queue_ns_.snapshot());
  stats.input_ns.merge(input_ns_.snapshot());
  stats.infer_ns.merge(runs);
  stats.output_ns.merge(output_ns_.snapshot());
  stats.batch_rows.merge(batch_rows_.snapshot());
  stats.success += requests.count;
  stats.executions += runs.count;
  stats.inferences += inferences_.load(std::memory_order_relaxed);
  stats.inline_executions += inline_executions_.load(std::memory_order_relaxed);
  stats.last_inference_ms =
      std::max(stats.last_inference_ms, last_inference_ms_.load(std::memory_order_relaxed));
  stats.per_request.input_ns += input_ns_sum_.load(std::memory_order_relaxed);
  stats.per_request.infer_ns += infer_ns_sum_.load(std::memory_order_relaxed);
  stats.per_request.output_ns += output_ns_sum_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < first_response_.size(); ++i) {
    stats.first_response[i] += first_response_[i].load(std::memory_order_relaxed);
  }
  batches_.add_to(stats.batches);
}

void FailureRecorder::add_to(ModelStats& stats) const {
  for (std::size_t i = 0; i < failures_.size(); ++i) stats.failure[i] += failures_[i].total();
  for (std::size_t i = 0; i < refused_.size(); ++i) stats.refused[i] += refused_[i].total();
  stats.failure_ns += failure_ns_.total();
}

}  // namespace mlops
