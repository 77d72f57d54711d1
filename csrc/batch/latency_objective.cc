#include "batch/latency_objective.h"

#include <algorithm>
#include <utility>

namespace mlops {
namespace {

// The largest of rows_max, and the powers of two below it, that fits; 0: none does.
template <class Fits>
std::int64_t largest(std::int64_t rows_max, Fits fits) {
  if (fits(rows_max)) return rows_max;
  std::int64_t best = 0;
  for (std::int64_t rows = 1; rows < rows_max && fits(rows); rows *= 2) best = rows;
  return best;
}

}  // namespace

const LatencyModel& LatencyObjective::model_of(const BucketKey& bucket) const {
  const auto found = models_.find(bucket);
  return found == models_.end() ? others_ : found->second;
}

void LatencyObjective::ran(const BucketKey& bucket, std::int64_t rows, Duration took,
                           TimePoint now) {
  auto found = models_.find(bucket);
  if (found == models_.end() && models_.size() < kBucketsMax) {
    found = models_.emplace(bucket, LatencyModel(options_.single_row)).first;
  }
  LatencyModel& model = found == models_.end() ? others_ : found->second;
  model.ran(rows, took, now);
}

Duration LatencyObjective::expected(const BucketKey& bucket, std::int64_t rows,
                                    TimePoint now) const {
  return model_of(bucket).mean(rows, now);
}

std::int64_t LatencyObjective::sustained_rows(const LatencyModel& model, TimePoint now) const {
  const auto fits = [&](std::int64_t rows) { return model.p99(rows, now) <= options_.p99 / 2; };
  return std::max<std::int64_t>(1, largest(options_.rows_max, fits));
}

std::int64_t LatencyObjective::rows_max(const BucketKey& bucket, TimePoint oldest_at,
                                        TimePoint now) const {
  const LatencyModel& model = model_of(bucket);
  const std::int64_t sustained = sustained_rows(model, now);
  const Duration left = options_.p99 - (now - oldest_at);
  const std::int64_t in_time =
      largest(sustained, [&](std::int64_t rows) { return model.p99(rows, now) <= left; });
  return in_time > 0 ? in_time : sustained;
}

std::optional<Duration> LatencyObjective::too_late(const Job& job, const Ahead& ahead,
                                                   TimePoint now) const {
  const TimePoint free_at = *std::ranges::min_element(ahead.lanes_free_at);
  if (ahead.queue.empty() && free_at <= now) return std::nullopt;
  const LatencyModel& own = model_of(job.bucket);
  const std::int64_t own_max = sustained_rows(own, now);
  Duration work{0};
  std::int64_t last_rows = job.rows;
  ahead.queue.for_each_line(job.level, [&](const BucketKey& bucket, std::int64_t rows) {
    const LatencyModel& model = model_of(bucket);
    const std::int64_t most = sustained_rows(model, now);
    std::int64_t batches = rows / most;
    std::int64_t rest = rows % most;
    // The request joins the last batch of its own bucket if there is room.
    const bool joins = bucket == job.bucket && rest + last_rows <= own_max;
    if (joins) last_rows += std::exchange(rest, 0);
    work += model.mean(most, now) * batches;
    if (rest > 0) work += model.mean(rest, now);
  });
  const auto lanes = static_cast<std::int64_t>(ahead.lanes_free_at.size());
  const Duration predicted =
      std::max(Duration{0}, Duration(free_at - now)) + work / lanes + own.p99(last_rows, now);
  const TimePoint deadline = job.pending ? job.pending->request.deadline : kNever;
  const Duration allowed =
      deadline == kNever ? options_.p99 : std::min(options_.p99, Duration(deadline - now));
  if (predicted <= allowed) return std::nullopt;
  return predicted - allowed;
}

}  // namespace mlops
