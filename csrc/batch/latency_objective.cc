#include "batch/latency_objective.h"

#include <algorithm>
#include <bit>

namespace mlops {

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

// Moves up by a step for each that is late and down by 1/199 of one for each that is not: it rests
// where one in two hundred is.
void LatencyObjective::answered(Duration oldest) {
  constexpr double kStep = 0.05;
  constexpr double kMost = 0.25;
  margin_ += oldest > options_.p99 ? kStep : -kStep / 199;
  margin_ = std::clamp(margin_, 0.0, kMost);
}

Duration LatencyObjective::run_time(const BucketKey& bucket, std::int64_t rows,
                                    TimePoint now) const {
  return model_of(bucket).usual(rows, now);
}

// The largest of the bound and the powers of two below it that may run; one row always may.
std::int64_t LatencyObjective::rows_max_of(const LatencyModel& model, TimePoint now) const {
  const auto fits = [&](std::int64_t rows) { return model.usual(rows, now) <= options_.p99 / 2; };
  if (fits(options_.rows_max)) return options_.rows_max;
  auto rows = static_cast<std::int64_t>(
      std::bit_floor(static_cast<std::uint64_t>(std::max<std::int64_t>(options_.rows_max, 1))));
  // Downwards: that a smaller size was interrupted is no reason not to run a larger one.
  while (rows > 1 && (rows == options_.rows_max || !fits(rows))) rows /= 2;
  return rows;
}

std::int64_t LatencyObjective::rows_max(const BucketKey& bucket, TimePoint now) const {
  return rows_max_of(model_of(bucket), now);
}

std::optional<Duration> LatencyObjective::too_late(const Job& job, const Ahead& ahead,
                                                   TimePoint now) const {
  if (ahead.queue.empty() && ahead.lane_idle) return std::nullopt;
  const TimePoint free_at = *std::ranges::min_element(ahead.lanes_free_at);
  Duration work{0};
  ahead.queue.for_each_line(job.level, [&](const BucketKey& bucket, std::int64_t rows) {
    const LatencyModel& model = model_of(bucket);
    const std::int64_t most = rows_max_of(model, now);
    const std::int64_t rest = rows % most;
    work += model.usual(most, now) * (rows / most);
    // Of its own bucket, what does not fill a batch shares one with the request.
    const bool joins = bucket == job.bucket && rest + job.rows <= most;
    if (rest > 0 && !joins) work += model.usual(rest, now);
  });
  const auto lanes = static_cast<std::int64_t>(ahead.lanes_free_at.size());
  // Others that come later join its batch and make it longer.
  const LatencyModel& own = model_of(job.bucket);
  const Duration run = own.usual(std::max(job.rows, rows_max_of(own, now)), now);
  const Duration predicted = std::max(Duration{0}, Duration(free_at - now)) + work / lanes + run;
  const TimePoint deadline = job.pending ? job.pending->request.deadline : kNever;
  const Duration promised(
      static_cast<std::int64_t>(static_cast<double>(options_.p99.count()) * (1 - margin_)));
  const Duration allowed =
      deadline == kNever ? promised : std::min(promised, Duration(deadline - now));
  if (predicted <= allowed) return std::nullopt;
  return predicted - allowed;
}

}  // namespace mlops
