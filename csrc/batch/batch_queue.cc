#include "batch/batch_queue.h"

#include <algorithm>

namespace mlops {

bool BatchQueue::try_push(Job& job, TimePoint now) {
  if (size_ >= requests_max_) {
    if (refusals_until_search_ > 0) {
      --refusals_until_search_;
      return false;
    }
    refusals_until_search_ = requests_max_ / 8;
    drop_dead();
    if (size_ >= requests_max_) return false;
  }
  Bucket& bucket = buckets_[job.bucket];
  bucket.rows += job.rows;
  bucket.waiting.push_back({std::move(job), now});
  ++size_;
  return true;
}

BatchQueue::Waiting BatchQueue::pop(Bucket& bucket) {
  Waiting head = bucket.waiting.pop_front();
  bucket.rows -= head.job.rows;
  --size_;
  return head;
}

void BatchQueue::drop_dead_heads(Bucket& bucket) {
  while (!bucket.waiting.empty() && bucket.waiting.front().job.pending->done()) {
    dead_.push_back(std::move(pop(bucket).job.pending));
  }
}

// Fixed-shape models keep their single, empty-keyed bucket for ever; others lose theirs when empty,
// so that clients cannot grow the map by sending ever new lengths.
BatchQueue::Buckets::iterator BatchQueue::oldest() {
  auto best = buckets_.end();
  for (auto it = buckets_.begin(); it != buckets_.end();) {
    drop_dead_heads(it->second);
    if (it->second.waiting.empty()) {
      it = it->first.empty() ? std::next(it) : buckets_.erase(it);
      continue;
    }
    const bool older = best == buckets_.end() ||
                       it->second.waiting.front().since < best->second.waiting.front().since;
    if (older) best = it;
    ++it;
  }
  return best;
}

std::optional<QueueFacts> BatchQueue::facts() {
  const auto bucket = oldest();
  if (bucket == buckets_.end()) return std::nullopt;
  return QueueFacts{bucket->second.rows, bucket->second.waiting.front().since, true};
}

void BatchQueue::take(std::int64_t rows_max, std::vector<Job>& batch) {
  const auto it = oldest();
  if (it == buckets_.end()) return;
  Bucket& bucket = it->second;
  std::int64_t rows = 0;
  while (!bucket.waiting.empty()) {
    const Job& next = bucket.waiting.front().job;
    const bool fits = batch.empty() || (!next.alone && rows + next.rows <= rows_max);
    if (!fits) break;
    Job job = pop(bucket).job;
    if (!job.pending->claim()) {
      dead_.push_back(std::move(job.pending));
      continue;
    }
    rows += job.rows;
    const bool alone = job.alone;
    batch.push_back(std::move(job));
    if (alone) break;
  }
}

TimePoint BatchQueue::collect_expired(TimePoint now, std::vector<PendingRef>& expired) {
  TimePoint next = kNever;
  for (auto& entry : buckets_) {
    Bucket& bucket = entry.second;  // clang 14 captures no structured binding
    bucket.waiting.remove_if(
        [&](const Waiting& w) {
          const TimePoint deadline = w.job.pending->request.deadline;
          if (deadline <= now) return true;
          next = std::min(next, deadline);
          return false;
        },
        [&](Waiting&& w) {
          bucket.rows -= w.job.rows;
          --size_;
          expired.push_back(std::move(w.job.pending));
        });
  }
  return next;
}

void BatchQueue::drop_dead() {
  for (auto& entry : buckets_) {
    Bucket& bucket = entry.second;  // clang 14 captures no structured binding
    bucket.waiting.remove_if([](const Waiting& w) { return w.job.pending->done(); },
                             [&](Waiting&& w) {
                               bucket.rows -= w.job.rows;
                               --size_;
                               dead_.push_back(std::move(w.job.pending));
                             });
  }
}

std::vector<PendingRef> BatchQueue::take_all() {
  std::vector<PendingRef> all;
  for (auto& [key, bucket] : buckets_) {
    while (!bucket.waiting.empty()) all.push_back(pop(bucket).job.pending);
  }
  return all;
}

}  // namespace mlops
