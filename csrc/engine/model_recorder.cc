#include "engine/model_recorder.h"

#include <ctime>

namespace mlops {

void ModelRecorder::success(std::uint64_t request_ns, std::uint64_t queue_ns, std::uint64_t rows) {
  inferences_.add(rows);
  request_ns_.record(request_ns);
  queue_ns_.record(queue_ns);
}

void ModelRecorder::execution(std::uint64_t rows, const ExecutionTimes& times,
                              bool on_submitting_thread) {
  input_ns_.record(times.input_ns);
  infer_ns_.record(times.infer_ns);
  output_ns_.record(times.output_ns);
  batch_rows_.record(rows);
  if (on_submitting_thread) inline_executions_.add(1);
  // The coarse clock: a counter page read, not a time stamp counter read.
  timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  last_inference_ms_.store(static_cast<std::uint64_t>(now.tv_sec) * 1000 +
                               static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000,
                           std::memory_order_relaxed);
}

ModelStats ModelRecorder::snapshot() const {
  ModelStats stats;
  stats.request_ns = request_ns_.snapshot();
  stats.queue_ns = queue_ns_.snapshot();
  stats.input_ns = input_ns_.snapshot();
  stats.infer_ns = infer_ns_.snapshot();
  stats.output_ns = output_ns_.snapshot();
  stats.batch_rows = batch_rows_.snapshot();
  stats.success = stats.request_ns.count;
  stats.executions = stats.infer_ns.count;
  stats.inferences = inferences_.total();
  stats.inline_executions = inline_executions_.total();
  stats.last_inference_ms = last_inference_ms_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < failure_.size(); ++i) stats.failure[i] = failure_[i].total();
  return stats;
}

}  // namespace mlops
