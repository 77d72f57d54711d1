// Decisions by themselves, then a whole model under open-loop load in simulated time: nothing here
// sleeps or looks at a real clock.
#include "batch/latency_objective.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <utility>

#include "support/fake_clock.h"
#include "support/recording_call.h"

namespace mlops::testing {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

Job job_of(std::int64_t rows, TimePoint deadline = kNever, BucketKey bucket = {}) {
  Job job;
  Request request;
  request.deadline = deadline;
  job.pending = make_ref<RecordingCall>(std::move(request));
  job.rows = rows;
  job.bucket = std::move(bucket);
  return job;
}

// One row takes 1 ms, every further one 0.1 ms.
Duration run_time(std::int64_t rows) { return microseconds(900 + 100 * rows); }

Duration slow_run_time(std::int64_t rows) { return run_time(rows) * 3 / 2; }

struct Rig {
  explicit Rig(Duration p99, std::int64_t rows_max = 64)
      : objective({p99, run_time(1), rows_max}), queue(100'000) {}

  void learn(BucketKey bucket = {}, int factor = 1) {
    for (std::int64_t rows = 1; rows <= 64; rows *= 2) {
      objective.ran(bucket, rows, run_time(rows) * factor, clock.now());
    }
  }
  void push(Job job) { ASSERT_TRUE(queue.try_push(job, clock.now())); }
  std::optional<Duration> too_late(const Job& job, Duration lane_busy) {
    const TimePoint free_at[] = {clock.now() + lane_busy};
    return objective.too_late(job, {queue, lane_busy == Duration{0}, free_at}, clock.now());
  }
  std::int64_t rows_max() { return objective.rows_max({}, clock.now()); }

  FakeClock clock;
  LatencyObjective objective;
  BatchQueue queue;
};

TEST(LatencyObjective, ABatchTakesHalfOfTheTimeAtMost) {
  Rig rig(milliseconds(6));
  rig.learn();
  EXPECT_EQ(rig.rows_max(), 16);  // 2.5 ms; 32 rows are 4.1 ms
  Rig strict(milliseconds(1));
  strict.learn();
  EXPECT_EQ(strict.rows_max(), 1);
  Rig easy(milliseconds(100), 48);
  easy.learn();
  EXPECT_EQ(easy.rows_max(), 48);
}

TEST(LatencyObjective, WhoWaitsForNobodyIsAlwaysTried) {
  Rig rig(microseconds(10));
  rig.learn();
  EXPECT_FALSE(rig.too_late(job_of(1), Duration{0}));
  EXPECT_TRUE(rig.too_late(job_of(1), milliseconds(1)));
}

TEST(LatencyObjective, WhatIsAheadIsCounted) {
  Rig rig(milliseconds(6));
  rig.learn();
  // Its own run is counted as a full one, of 2.5 ms: others may join.
  EXPECT_FALSE(rig.too_late(job_of(1), microseconds(3500)));
  EXPECT_EQ(rig.too_late(job_of(1), microseconds(4000)), microseconds(500));
  for (int i = 0; i < 15; ++i) rig.push(job_of(1));
  EXPECT_FALSE(rig.too_late(job_of(1), microseconds(3500)));
  EXPECT_TRUE(rig.too_late(job_of(2), microseconds(3500)));  // no room in the last batch
  rig.push(job_of(1));
  EXPECT_FALSE(rig.too_late(job_of(1), microseconds(1000)));
  EXPECT_EQ(rig.too_late(job_of(1), microseconds(1100)), microseconds(100));
}

TEST(LatencyObjective, ADeadlineOfItsOwnCountsWhenItIsSooner) {
  Rig rig(milliseconds(6));
  rig.learn();
  const TimePoint now = rig.clock.now();
  EXPECT_TRUE(rig.too_late(job_of(1, now + milliseconds(3)), milliseconds(1)));
  EXPECT_FALSE(rig.too_late(job_of(1, now + milliseconds(60)), milliseconds(1)));
}

TEST(LatencyObjective, BucketsAreLearnedApart) {
  Rig rig(milliseconds(6));
  rig.learn({8});
  rig.learn({512}, 4);
  const TimePoint now = rig.clock.now();
  EXPECT_EQ(rig.objective.rows_max({8}, now), 16);
  EXPECT_EQ(rig.objective.rows_max({512}, now), 1);
  rig.push(job_of(1, kNever, {512}));  // 4 ms, then 2.5 of its own
  EXPECT_EQ(rig.too_late(job_of(1, kNever, {8}), Duration{0}), microseconds(500));
}

TEST(LatencyObjective, LevelsBelowAreNotAhead) {
  FakeClock clock;
  DynamicBatching batching;
  batching.priority_levels = 2;
  batching.default_priority_level = 2;
  BatchQueue queue(100, std::make_shared<DynamicBatching>(batching));
  const LatencyObjective objective({milliseconds(6), run_time(1), 1});
  for (int i = 0; i < 10; ++i) {
    Job low = job_of(1);
    low.level = 2;
    ASSERT_TRUE(queue.try_push(low, clock.now()));
  }
  Job high = job_of(1);
  high.level = 1;
  Job low = job_of(1);
  low.level = 2;
  const TimePoint free_at[] = {clock.now() + milliseconds(1)};
  EXPECT_FALSE(objective.too_late(high, {queue, false, free_at}, clock.now()));
  EXPECT_TRUE(objective.too_late(low, {queue, false, free_at}, clock.now()));
}

TEST(LatencyObjective, LateAnswersMakeItPromiseLess) {
  Rig rig(milliseconds(6));
  rig.learn();
  EXPECT_FALSE(rig.too_late(job_of(1), milliseconds(3)));
  for (int i = 0; i < 3; ++i) rig.objective.answered(milliseconds(7));
  EXPECT_TRUE(rig.too_late(job_of(1), milliseconds(3)));
  for (int i = 0; i < 600; ++i) rig.objective.answered(milliseconds(5));
  EXPECT_FALSE(rig.too_late(job_of(1), milliseconds(3)));
}

TEST(LatencyObjective, WhatIsLearnedIsBounded) {
  Rig rig(milliseconds(6));
  const TimePoint now = rig.clock.now();
  for (std::int64_t length = 0; length < 1000; ++length) {
    rig.objective.ran({length}, 1, milliseconds(2), now);
  }
  EXPECT_EQ(rig.objective.run_time({999}, 1, now), milliseconds(2));
}

// A while to learn, then what is measured: hundreds of batches, which is what it takes to see a
// hundredth of them. More would be seconds under a sanitizer.
constexpr Duration kLearning = milliseconds(300);
constexpr double kMeasuredSeconds = 0.7;
constexpr Duration kMeasured{static_cast<std::int64_t>(kMeasuredSeconds * 1e9)};

struct Outcome {
  std::size_t answered = 0;
  std::size_t in_time = 0;
  std::size_t refused = 0;
  Duration p99{0};
};

// A model with lanes, as ServedModel drives it: a lane that is free takes a batch; a request that
// comes is refused or queued.
class Simulation {
 public:
  // `stalls`: of a hundred runs, so many are interrupted for 4 ms, whatever their size.
  Simulation(Duration p99, std::size_t lanes, std::uint32_t seed, unsigned stalls = 0)
      : p99_(p99),
        rig_(p99),
        random_(seed),
        stalls_(stalls),
        lanes_(lanes),
        free_at_(lanes, rig_.clock.now()) {}

  Outcome run(double requests_per_second) {
    measured_from_ = rig_.clock.now() + kLearning;
    const TimePoint end = measured_from_ + kMeasured;
    std::exponential_distribution<double> gap(requests_per_second);
    TimePoint arrival = rig_.clock.now();
    while (arrival < end) {
      arrival += Duration(static_cast<std::int64_t>(gap(random_) * 1e9));
      finish_until(arrival);
      advance_to(arrival);
      come();
      start_what_can();
    }
    finish_until(kNever);
    std::ranges::sort(latencies_);
    if (!latencies_.empty()) outcome_.p99 = latencies_[latencies_.size() * 99 / 100];
    return outcome_;
  }

 private:
  struct Lane {
    std::vector<Job> batch;
    Duration took{0};
  };

  void advance_to(TimePoint time) {
    if (time > rig_.clock.now()) rig_.clock.advance(Duration(time - rig_.clock.now()));
  }

  void come() {
    if (!next_.pending) next_ = job_of(1);  // else that of one who was refused
    next_.pending->submitted_at = rig_.clock.now();
    std::vector<TimePoint> expected;
    bool idle = false;
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      expected.push_back(lanes_[i].batch.empty() ? TimePoint() : expected_[i]);
      idle = idle || lanes_[i].batch.empty();
    }
    if (rig_.objective.too_late(next_, {rig_.queue, idle, expected}, rig_.clock.now())) {
      if (rig_.clock.now() >= measured_from_) ++outcome_.refused;
    } else {
      rig_.push(std::exchange(next_, {}));
    }
  }

  void start_what_can() {
    expected_.resize(lanes_.size());
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      if (!lanes_[i].batch.empty()) continue;
      const TimePoint now = rig_.clock.now();
      if (!rig_.queue.facts(now)) return;
      Lane& lane = lanes_[i];
      rig_.queue.take(rig_.objective.rows_max(rig_.queue.next_bucket(), now), lane.batch);
      const auto rows = static_cast<std::int64_t>(lane.batch.size());
      expected_[i] = now + rig_.objective.run_time({}, rows, now);
      // A few in a hundred runs take half as long again.
      lane.took = random_() % 100 < 3 ? slow_run_time(rows) : run_time(rows);
      if (random_() % 100 < stalls_) lane.took += milliseconds(4);
      free_at_[i] = now + lane.took;
    }
  }

  void finish_until(TimePoint time) {
    for (;;) {
      std::size_t next = lanes_.size();
      for (std::size_t i = 0; i < lanes_.size(); ++i) {
        if (lanes_[i].batch.empty() || free_at_[i] > time) continue;
        if (next == lanes_.size() || free_at_[i] < free_at_[next]) next = i;
      }
      if (next == lanes_.size()) return;
      advance_to(free_at_[next]);
      Lane& lane = lanes_[next];
      const TimePoint now = rig_.clock.now();
      rig_.objective.ran({}, static_cast<std::int64_t>(lane.batch.size()), lane.took, now);
      rig_.objective.answered(now - lane.batch.front().pending->submitted_at);
      for (const Job& job : lane.batch) {
        if (job.pending->submitted_at < measured_from_) continue;
        const Duration latency = now - job.pending->submitted_at;
        latencies_.push_back(latency);
        ++outcome_.answered;
        if (latency <= p99_) ++outcome_.in_time;
      }
      lane.batch.clear();
      start_what_can();
    }
  }

  Duration p99_;
  Rig rig_;
  Job next_;
  std::mt19937 random_;
  unsigned stalls_;
  std::vector<Lane> lanes_;
  std::vector<TimePoint> free_at_;
  std::vector<TimePoint> expected_;
  std::vector<Duration> latencies_;
  TimePoint measured_from_{};
  Outcome outcome_;
};

// What the lanes can do at the largest batch that the objective allows.
double capacity(Duration p99, std::size_t lanes) {
  std::int64_t rows = 64;
  while (rows > 1 && slow_run_time(rows) > p99 / 2) rows /= 2;
  return static_cast<double>(lanes) * static_cast<double>(rows) * 1e9 /
         static_cast<double>(run_time(rows).count());
}

TEST(LatencyObjective, HoldsFarBeyondCapacityAndGoodputStays) {
  const std::pair<std::size_t, milliseconds> cases[] = {{1, milliseconds(12)},
                                                        {3, milliseconds(6)}};
  for (const auto& [lanes, p99] : cases) {
    for (const double load : {0.5, 0.9, 3.0}) {
      SCOPED_TRACE(std::to_string(lanes) + " lanes, " + std::to_string(load) + " of capacity");
      const double rate = capacity(p99, lanes) * load;
      const Outcome got = Simulation(p99, lanes, 7).run(rate);
      EXPECT_LE(got.p99, p99);
      EXPECT_GE(static_cast<double>(got.in_time) / kMeasuredSeconds,
                0.9 * std::min(rate, capacity(p99, lanes)));
      if (load < 0.6) {
        EXPECT_LE(got.refused, got.answered / 100);
      }
    }
  }
}

// On a machine that interrupts one run in fifty for longer than the objective leaves room for, no
// size of batch is safe. Small ones are no safer than large ones, and refusing nearly everything
// helps nobody.
TEST(LatencyObjective, InterruptionsDoNotStarveAModel) {
  for (const unsigned stalls : {1U, 2U, 4U}) {
    for (const double load : {0.5, 0.95, 2.0}) {
      SCOPED_TRACE(std::to_string(stalls) + " % stalled, " + std::to_string(load));
      const auto p99 = milliseconds(6);
      const double rate = capacity(p99, 1) * load;
      const Outcome got = Simulation(p99, 1, 7, stalls).run(rate);
      EXPECT_GE(static_cast<double>(got.in_time) / kMeasuredSeconds,
                0.75 * std::min(rate, capacity(p99, 1)));
      EXPECT_GE(static_cast<double>(got.in_time), 0.85 * static_cast<double>(got.answered));
    }
  }
}

}  // namespace
}  // namespace mlops::testing
