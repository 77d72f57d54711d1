#include "batch/batch_queue.h"

#include <algorithm>

#include "batch/queue_policy.h"

namespace mlops {
namespace {

// Lines of closed shape are kept when empty, so that they need not be made again; but not more, for
// clients may name ever new levels.
constexpr std::size_t kLinesKept = 16;

bool rejects(const DynamicBatching& policy, std::uint64_t level) {
  return policy_of_level(policy, level).timeout_action == QueuePolicy::TimeoutAction::reject;
}

}  // namespace

bool BatchQueue::has_room(const Job& job) const {
  if (size_ >= requests_max_) return false;
  if (!policy_) return true;
  const std::size_t most = policy_of_level(*policy_, job.level).queue_requests_max;
  if (most == 0) return true;
  std::size_t waiting = 0;
  const auto begin = lines_.lower_bound(PlaceView{job.level, false, BucketKey()});
  for (auto it = begin; it != lines_.end() && it->first.level == job.level; ++it) {
    waiting += it->second.waiting.size();
  }
  return waiting < most;
}

bool BatchQueue::try_push(Job& job, TimePoint now) {
  if (!has_room(job)) {
    reclaim();
    if (!has_room(job)) return false;
  }
  next_timeout_ = std::min(next_timeout_, job.expires);
  Line& line = line_at({job.level, false, job.bucket});
  append(line, {std::move(job), now});
  return true;
}

BatchQueue::Line& BatchQueue::line_at(const PlaceView& place) {
  const auto found = lines_.find(place);
  if (found != lines_.end()) return found->second;
  return lines_[Place{place.level, place.delayed, place.bucket}];
}

void BatchQueue::append(Line& line, Waiting&& waiting) {
  line.rows += waiting.job.rows;
  input_bytes_ += waiting.job.input_bytes;
  ++size_;
  line.waiting.push_back(std::move(waiting));
}

void BatchQueue::left(Line& line, const Job& job) {
  line.rows -= job.rows;
  input_bytes_ -= job.input_bytes;
  --size_;
}

BatchQueue::Waiting BatchQueue::pop(Line& line) {
  Waiting head = line.waiting.pop_front();
  left(line, head.job);
  return head;
}

void BatchQueue::drop_dead_heads(Line& line) {
  while (!line.waiting.empty() && line.waiting.front().job.pending->done()) {
    dead_.push_back(std::move(pop(line).job.pending));
  }
}

// Models of open shapes lose their lines when empty, so that clients cannot grow the map by sending
// ever new lengths.
BatchQueue::Lines::iterator BatchQueue::next_up() {
  auto best = lines_.end();
  for (auto it = lines_.begin(); it != lines_.end();) {
    if (best != lines_.end() && !it->first.same_rank(best->first)) break;
    drop_dead_heads(it->second);
    if (it->second.waiting.empty()) {
      const bool kept = it->first.bucket.empty() && lines_.size() <= kLinesKept;
      it = kept ? std::next(it) : lines_.erase(it);
      continue;
    }
    const bool older = best == lines_.end() ||
                       it->second.waiting.front().since < best->second.waiting.front().since;
    if (older) best = it;
    ++it;
  }
  return best;
}

// The next line of the same bucket that has anything; without a policy there is but one.
BatchQueue::Lines::iterator BatchQueue::behind(Lines::iterator it) {
  if (!policy_) return lines_.end();
  const BucketKey& bucket = it->first.bucket;
  return std::find_if(std::next(it), lines_.end(), [&](const Lines::value_type& line) {
    return !line.second.waiting.empty() && line.first.bucket == bucket;
  });
}

std::optional<QueueFacts> BatchQueue::facts(TimePoint now) {
  apply_timeouts(now);
  auto line = next_up();
  if (line == lines_.end()) return std::nullopt;
  QueueFacts facts{line->second.rows, line->second.waiting.front().since, true};
  while ((line = behind(line)) != lines_.end()) {
    facts.rows_waiting += line->second.rows;
    facts.oldest_at = std::min(facts.oldest_at, line->second.waiting.front().since);
  }
  return facts;
}

std::int64_t BatchQueue::preferred_rows(std::span<const std::int64_t> sizes) {
  std::int64_t rows = 0;
  std::int64_t best = 0;
  for (auto line = next_up(); line != lines_.end(); line = behind(line)) {
    const Ring<Waiting>& waiting = line->second.waiting;
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      const Job& job = waiting[i].job;
      if (job.pending->done()) continue;
      const bool closes = rows > 0 && (job.alone || rows + job.rows > sizes.back());
      if (closes) return best > 0 ? best : rows;
      rows += job.rows;
      if (job.alone || rows >= sizes.back()) return rows;
      if (std::ranges::binary_search(sizes, rows)) best = rows;
    }
  }
  return best;
}

// False when the batch is closed: by something that did not fit, or that must be alone.
bool BatchQueue::fill(Line& line, std::int64_t rows_max, std::int64_t& rows,
                      std::vector<Job>& batch) {
  while (!line.waiting.empty()) {
    const Job& next = line.waiting.front().job;
    const bool fits = batch.empty() || (!next.alone && rows + next.rows <= rows_max);
    if (!fits) return false;
    Job job = pop(line).job;
    if (!job.pending->claim()) {
      dead_.push_back(std::move(job.pending));
      continue;
    }
    rows += job.rows;
    const bool alone = job.alone;
    batch.push_back(std::move(job));
    if (alone) return false;
  }
  return true;
}

void BatchQueue::take(std::int64_t rows_max, std::vector<Job>& batch) {
  std::int64_t rows = 0;
  for (auto line = next_up(); line != lines_.end(); line = behind(line)) {
    if (!fill(line->second, rows_max, rows, batch)) return;
  }
}

// What was delayed has no timeout any more: it waits for its turn behind its level.
void BatchQueue::apply_timeouts(TimePoint now) {
  if (now < next_timeout_) return;
  next_timeout_ = kNever;
  std::vector<std::pair<BucketKey, Waiting>> delayed;
  for (auto& entry : lines_) {
    Line& line = entry.second;  // clang 14 captures no structured binding
    line.waiting.remove_if(
        [&](const Waiting& w) {
          if (w.job.expires <= now) return true;
          next_timeout_ = std::min(next_timeout_, w.job.expires);
          return false;
        },
        [&](Waiting&& w) {
          left(line, w.job);
          if (rejects(*policy_, w.job.level)) {
            timed_out_.push_back(std::move(w.job.pending));
          } else {
            w.job.expires = kNever;
            delayed.emplace_back(entry.first.bucket, std::move(w));
          }
        });
  }
  for (auto& [bucket, waiting] : delayed) {
    Line& line = line_at({waiting.job.level, true, bucket});
    append(line, std::move(waiting));
  }
}

TimePoint BatchQueue::collect_expired(TimePoint now, std::vector<PendingRef>& expired) {
  apply_timeouts(now);
  TimePoint next = next_timeout_;
  for (auto& entry : lines_) {
    Line& line = entry.second;
    line.waiting.remove_if(
        [&](const Waiting& w) {
          const TimePoint deadline = w.job.pending->request.deadline;
          if (deadline <= now) return true;
          next = std::min(next, deadline);
          return false;
        },
        [&](Waiting&& w) {
          left(line, w.job);
          expired.push_back(std::move(w.job.pending));
        });
  }
  return next;
}

void BatchQueue::reclaim() {
  if (calls_until_reclaim_ > 0) {
    --calls_until_reclaim_;
    return;
  }
  calls_until_reclaim_ = size_ / 8;
  for (auto& entry : lines_) {
    Line& line = entry.second;
    line.waiting.remove_if([](const Waiting& w) { return w.job.pending->done(); },
                           [&](Waiting&& w) {
                             left(line, w.job);
                             dead_.push_back(std::move(w.job.pending));
                           });
  }
}

std::vector<PendingRef> BatchQueue::take_all() {
  std::vector<PendingRef> all;
  for (auto& [place, line] : lines_) {
    while (!line.waiting.empty()) all.push_back(pop(line).job.pending);
  }
  return all;
}

}  // namespace mlops
