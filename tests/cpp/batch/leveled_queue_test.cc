// The queue with a policy: levels, timeouts, sizes. Cases first, then long random runs beside a
// model of a few lines that is obviously right.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <list>
#include <map>
#include <random>
#include <set>

#include "batch/batch_queue.h"
#include "batch/queue_policy.h"
#include "support/recording_call.h"

namespace mlops::testing {
namespace {

using Action = QueuePolicy::TimeoutAction;

constexpr TimePoint kEpoch{std::chrono::seconds(100)};
TimePoint at_us(std::int64_t us) { return kEpoch + std::chrono::microseconds(us); }

QueuePolicy policy(Action action, std::uint64_t timeout_us, std::uint32_t size = 0) {
  QueuePolicy made;
  made.timeout_action = action;
  made.default_timeout_us = timeout_us;
  made.queue_requests_max = size;
  return made;
}

class LeveledRig {
 public:
  explicit LeveledRig(DynamicBatching batching, std::size_t requests_max = 1000)
      : batching_(std::make_shared<DynamicBatching>(std::move(batching))),
        queue(requests_max, batching_) {}

  bool push(const std::string& id, std::uint64_t level, std::int64_t rows, TimePoint now,
            BucketKey bucket = {}) {
    Job job;
    Request request;
    request.id = id;
    job.pending = make_ref<RecordingCall>(std::move(request));
    job.rows = rows;
    job.level = level;
    job.bucket = std::move(bucket);
    job.expires = queue_expiry(policy_of_level(*batching_, level), job.pending->request, now);
    const PendingRef kept = job.pending;
    const bool taken = queue.try_push(job, now);
    if (taken) calls[id] = kept;
    return taken;
  }

  std::string take(std::int64_t rows_max, TimePoint now) {
    if (!queue.facts(now)) return "";
    std::vector<Job> batch;
    queue.take(rows_max, batch);
    std::string ids;
    for (const Job& job : batch) ids += job.pending->request.id;
    return ids;
  }

  std::string timed_out() {
    std::string ids;
    for (const PendingRef& pending : queue.take_timed_out()) ids += pending->request.id;
    return ids;
  }

 private:
  std::shared_ptr<DynamicBatching> batching_;

 public:
  BatchQueue queue;
  std::map<std::string, PendingRef> calls;
};

DynamicBatching levels(std::uint64_t count) {
  DynamicBatching made;
  made.priority_levels = count;
  made.default_priority_level = count;
  return made;
}

TEST(LeveledQueue, AHigherLevelOvertakesAndALowerOneFillsItsBatch) {
  LeveledRig rig(levels(2));
  ASSERT_TRUE(rig.push("a", 2, 1, at_us(0)));
  ASSERT_TRUE(rig.push("b", 2, 1, at_us(1)));
  ASSERT_TRUE(rig.push("c", 1, 1, at_us(2)));
  EXPECT_EQ(rig.queue.facts(at_us(3))->rows_waiting, 3);
  EXPECT_EQ(rig.queue.facts(at_us(3))->oldest_at, at_us(0));
  EXPECT_EQ(rig.take(2, at_us(3)), "ca");
  EXPECT_EQ(rig.take(2, at_us(3)), "b");
}

TEST(LeveledQueue, OtherShapesOfALowerLevelDoNotFillIt) {
  LeveledRig rig(levels(2));
  ASSERT_TRUE(rig.push("a", 2, 1, at_us(0), {7}));
  ASSERT_TRUE(rig.push("b", 1, 1, at_us(1), {9}));
  ASSERT_TRUE(rig.push("c", 2, 1, at_us(2), {9}));
  EXPECT_EQ(rig.take(8, at_us(3)), "bc");
  EXPECT_EQ(rig.take(8, at_us(3)), "a");
}

TEST(LeveledQueue, LevelsMayBeAnyNumber) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  LeveledRig rig(levels(kMost));
  ASSERT_TRUE(rig.push("a", kMost, 1, at_us(0)));
  ASSERT_TRUE(rig.push("b", std::uint64_t{1} << 32, 1, at_us(0)));
  ASSERT_TRUE(rig.push("c", 1, 1, at_us(0)));
  EXPECT_EQ(rig.take(8, at_us(1)), "cba");
}

TEST(LeveledQueue, TimeIsOverForTheRejected) {
  DynamicBatching batching;
  batching.default_queue_policy = policy(Action::reject, 10);
  LeveledRig rig(batching);
  ASSERT_TRUE(rig.push("a", 0, 1, at_us(0)));
  ASSERT_TRUE(rig.push("b", 0, 1, at_us(5)));
  EXPECT_EQ(rig.take(8, at_us(10)), "b");
  EXPECT_EQ(rig.timed_out(), "a");
}

TEST(LeveledQueue, TheDelayedGoLastInTheirLevelAndTimeOutNoMore) {
  DynamicBatching batching = levels(2);
  batching.default_queue_policy = policy(Action::delay, 10);
  LeveledRig rig(batching);
  ASSERT_TRUE(rig.push("a", 1, 1, at_us(0)));
  ASSERT_TRUE(rig.push("b", 1, 1, at_us(5)));
  ASSERT_TRUE(rig.push("c", 2, 1, at_us(0)));
  EXPECT_EQ(rig.queue.facts(at_us(12))->oldest_at, at_us(0));
  ASSERT_TRUE(rig.push("d", 1, 1, at_us(12)));
  EXPECT_EQ(rig.take(8, at_us(13)), "bdac");
  EXPECT_EQ(rig.timed_out(), "");
}

TEST(LeveledQueue, ALevelIsFullByItself) {
  DynamicBatching batching = levels(2);
  batching.priority_queue_policy[1] = policy(Action::delay, 10, 2);
  LeveledRig rig(batching, 4);
  ASSERT_TRUE(rig.push("a", 1, 1, at_us(0)));
  ASSERT_TRUE(rig.push("b", 1, 1, at_us(0)));
  EXPECT_FALSE(rig.push("c", 1, 1, at_us(0)));
  ASSERT_TRUE(rig.push("d", 2, 1, at_us(0)));
  EXPECT_TRUE(rig.queue.facts(at_us(20)));  // a and b are delayed, and count
  EXPECT_FALSE(rig.push("e", 1, 1, at_us(20)));
  ASSERT_TRUE(rig.push("f", 2, 1, at_us(20)));
  EXPECT_FALSE(rig.push("g", 2, 1, at_us(20)));  // the whole queue
  EXPECT_EQ(rig.take(8, at_us(20)), "abdf");
}

TEST(LeveledQueue, TheWatchIsToldWhenToComeAgain) {
  DynamicBatching batching;
  batching.default_queue_policy = policy(Action::reject, 10);
  LeveledRig rig(batching);
  ASSERT_TRUE(rig.push("a", 0, 1, at_us(0)));
  ASSERT_TRUE(rig.push("b", 0, 1, at_us(5)));
  std::vector<PendingRef> expired;
  EXPECT_EQ(rig.queue.collect_expired(at_us(9), expired), at_us(10));
  EXPECT_EQ(rig.queue.collect_expired(at_us(10), expired), at_us(15));
  EXPECT_EQ(rig.timed_out(), "a");
  EXPECT_EQ(rig.queue.collect_expired(at_us(15), expired), kNever);
  EXPECT_TRUE(expired.empty());
  EXPECT_TRUE(rig.queue.empty());
}

TEST(LeveledQueue, PreferredSizesAreSumsOfWhatIsNext) {
  const std::vector<std::int64_t> sizes = {4, 8};
  LeveledRig rig(levels(2));
  ASSERT_TRUE(rig.push("a", 2, 2, at_us(0)));
  EXPECT_EQ(rig.queue.preferred_rows(sizes), 0);
  ASSERT_TRUE(rig.push("b", 2, 1, at_us(0)));
  EXPECT_EQ(rig.queue.preferred_rows(sizes), 0);
  ASSERT_TRUE(rig.push("c", 1, 2, at_us(0)));  // 2, 4, 5
  EXPECT_EQ(rig.queue.preferred_rows(sizes), 4);
  ASSERT_TRUE(rig.push("d", 2, 3, at_us(0)));  // 2, 4, 5, 8
  EXPECT_EQ(rig.queue.preferred_rows(sizes), 8);
  EXPECT_EQ(rig.take(8, at_us(1)), "cabd");
  ASSERT_TRUE(rig.push("e", 2, 5, at_us(0)));
  ASSERT_TRUE(rig.push("f", 2, 6, at_us(0)));  // 5, then beyond 8: it cannot get better
  EXPECT_EQ(rig.queue.preferred_rows(sizes), 5);
}

// The model: one list, sorted when asked. What the queue must agree with after every step.
class Reference {
 public:
  struct Entry {
    std::string id;
    std::uint64_t level;
    bool delayed = false;
    std::int64_t rows;
    BucketKey bucket;
    TimePoint since;
    TimePoint expires;
    std::size_t rank;  // order of becoming what it is now
  };

  Reference(DynamicBatching batching, std::size_t requests_max)
      : batching_(std::move(batching)), requests_max_(requests_max) {}

  bool push(Entry entry) {
    const std::size_t most = policy_of_level(batching_, entry.level).queue_requests_max;
    const auto in_level = static_cast<std::size_t>(
        std::ranges::count_if(entries_, [&](const Entry& e) { return e.level == entry.level; }));
    if (entries_.size() >= requests_max_ || (most > 0 && in_level >= most)) return false;
    entry.rank = next_rank_++;
    entries_.push_back(std::move(entry));
    return true;
  }

  // Ids that are rejected, unordered.
  std::set<std::string> pass(TimePoint now) {
    std::set<std::string> rejected;
    for (auto it = entries_.begin(); it != entries_.end();) {
      if (it->expires > now) {
        ++it;
        continue;
      }
      if (policy_of_level(batching_, it->level).timeout_action == Action::reject) {
        rejected.insert(it->id);
        it = entries_.erase(it);
      } else {
        it->delayed = true;
        it->expires = kNever;
        it->rank = next_rank_++;
        ++it;
      }
    }
    return rejected;
  }

  std::string take(std::int64_t rows_max) {
    if (entries_.empty()) return "";
    entries_.sort([](const Entry& a, const Entry& b) {
      return std::tuple(a.level, a.delayed, a.rank) < std::tuple(b.level, b.delayed, b.rank);
    });
    // The bucket whose first entry of the best rank is oldest.
    const Entry& first = entries_.front();
    const Entry* head = &first;
    for (const Entry& e : entries_) {
      if (e.level != first.level || e.delayed != first.delayed) break;
      const bool is_head = std::ranges::find(entries_, e.bucket, &Entry::bucket)->id == e.id;
      if (is_head && e.since < head->since) head = &e;
    }
    const BucketKey bucket = head->bucket;
    std::string ids;
    std::int64_t rows = 0;
    for (auto it = entries_.begin(); it != entries_.end();) {
      if (it->bucket != bucket) {
        ++it;
        continue;
      }
      if (!ids.empty() && rows + it->rows > rows_max) break;
      ids += it->id;
      rows += it->rows;
      it = entries_.erase(it);
    }
    return ids;
  }

  std::size_t size() const { return entries_.size(); }

 private:
  DynamicBatching batching_;
  std::size_t requests_max_;
  std::list<Entry> entries_;
  std::size_t next_rank_ = 0;
};

DynamicBatching some_batching(std::mt19937& random) {
  const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  const auto some_policy = [&] {
    return policy(below(2) ? Action::reject : Action::delay, below(3) ? 5 + below(60) : 0,
                  below(2) ? 1 + below(12) : 0);
  };
  DynamicBatching batching = levels(below(4));
  batching.default_queue_policy = some_policy();
  for (std::uint64_t level = 1; level <= batching.priority_levels; ++level) {
    if (below(2)) batching.priority_queue_policy[level] = some_policy();
  }
  return batching;
}

void compare_runs(std::uint32_t seed) {
  std::mt19937 random(seed);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  const DynamicBatching batching = some_batching(random);
  const std::size_t requests_max = 4 + below(40);
  LeveledRig rig(batching, requests_max);
  Reference reference(batching, requests_max);
  std::int64_t now = 0;
  for (int step = 0; step < 400; ++step) {
    now += 1 + static_cast<std::int64_t>(below(6));
    // The watch comes by whenever time has passed, as in the engine.
    std::vector<PendingRef> expired;
    rig.queue.collect_expired(at_us(now), expired);
    std::set<std::string> rejected;
    for (const PendingRef& pending : rig.queue.take_timed_out()) {
      rejected.insert(pending->request.id);
    }
    ASSERT_EQ(rejected, reference.pass(at_us(now)));
    if (below(3) == 0) {
      const auto rows_max = static_cast<std::int64_t>(1 + below(8));
      ASSERT_EQ(rig.take(rows_max, at_us(now)), reference.take(rows_max)) << "step " << step;
    } else {
      const std::string id = std::to_string(step) + ".";
      const std::uint64_t level =
          batching.priority_levels == 0 ? 0 : 1 + below(batching.priority_levels);
      const auto rows = static_cast<std::int64_t>(1 + below(4));
      const BucketKey bucket = below(2) ? BucketKey{} : BucketKey{static_cast<int>(below(2))};
      const TimePoint expires =
          queue_expiry(policy_of_level(batching, level), Request{}, at_us(now));
      const bool taken = rig.push(id, level, rows, at_us(now), bucket);
      ASSERT_EQ(taken, reference.push({id, level, false, rows, bucket, at_us(now), expires, 0}))
          << "step " << step;
    }
    ASSERT_EQ(rig.queue.size(), reference.size());
  }
}

TEST(LeveledQueue, AgreesWithTheSimpleModel) {
  for (std::uint32_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ASSERT_NO_FATAL_FAILURE(compare_runs(seed));
  }
}

}  // namespace
}  // namespace mlops::testing
