#include "batch/batch_queue.h"

#include <gtest/gtest.h>

#include "support/recording_call.h"
#include "support/requests.h"

namespace mlops::testing {
namespace {

constexpr TimePoint kStart{std::chrono::seconds(100)};

TimePoint at(int us) { return kStart + std::chrono::microseconds(us); }

struct Pushed {
  Ref<RecordingCall> call = make_ref<RecordingCall>(Request{});
  Job job(std::int64_t rows, BucketKey bucket = {}, bool alone = false) {
    Job made;
    made.pending = call;
    made.rows = rows;
    made.bucket = std::move(bucket);
    made.alone = alone;
    return made;
  }
};

bool push(BatchQueue& queue, Job job, TimePoint now) { return queue.try_push(job, now); }

std::vector<std::int64_t> take(BatchQueue& queue, std::int64_t rows_max) {
  std::vector<Job> batch;
  queue.take(rows_max, batch);
  std::vector<std::int64_t> rows;
  for (const Job& job : batch) rows.push_back(job.rows);
  return rows;
}

using Rows = std::vector<std::int64_t>;

TEST(BatchQueue, TakesInOrderUpToTheLimit) {
  BatchQueue queue(10);
  Pushed p[4];
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(push(queue, p[i].job(i + 1), at(i)));
  EXPECT_EQ(queue.facts(at(10))->rows_waiting, 10);
  EXPECT_EQ(take(queue, 6), (Rows{1, 2, 3}));
  EXPECT_EQ(take(queue, 6), (Rows{4}));
  EXPECT_FALSE(queue.facts(at(10)));
}

TEST(BatchQueue, ARequestLargerThanTheLimitRunsAlone) {
  BatchQueue queue(10);
  Pushed a, b;
  ASSERT_TRUE(push(queue, a.job(100), at(0)));
  ASSERT_TRUE(push(queue, b.job(1), at(1)));
  EXPECT_EQ(take(queue, 8), (Rows{100}));
  EXPECT_EQ(take(queue, 8), (Rows{1}));
}

TEST(BatchQueue, LonersAreNeverMerged) {
  BatchQueue queue(10);
  Pushed a, b, c;
  ASSERT_TRUE(push(queue, a.job(1), at(0)));
  ASSERT_TRUE(push(queue, b.job(0, {}, true), at(1)));
  ASSERT_TRUE(push(queue, c.job(1), at(2)));
  EXPECT_EQ(take(queue, 8), (Rows{1}));
  EXPECT_EQ(take(queue, 8), (Rows{0}));
  EXPECT_EQ(take(queue, 8), (Rows{1}));
}

TEST(BatchQueue, OneShapeDoesNotCloseAnothersBatch) {
  BatchQueue queue(10);
  Pushed p[4];
  ASSERT_TRUE(push(queue, p[0].job(1, {7}), at(0)));
  ASSERT_TRUE(push(queue, p[1].job(2, {9}), at(1)));
  ASSERT_TRUE(push(queue, p[2].job(3, {7}), at(2)));
  ASSERT_TRUE(push(queue, p[3].job(4, {9}), at(3)));
  EXPECT_EQ(take(queue, 8), (Rows{1, 3}));
  EXPECT_EQ(take(queue, 8), (Rows{2, 4}));
  EXPECT_TRUE(queue.empty());
}

TEST(BatchQueue, RefusesWhenFullAndReclaimsTheDead) {
  BatchQueue queue(2);
  Pushed a, b, c, d;
  ASSERT_TRUE(push(queue, a.job(1), at(0)));
  ASSERT_TRUE(push(queue, b.job(1), at(0)));
  EXPECT_FALSE(push(queue, c.job(1), at(0)));
  b.call->cancel();
  EXPECT_TRUE(push(queue, d.job(5), at(1)));
  EXPECT_EQ(queue.take_dead().size(), 1U);
  EXPECT_EQ(take(queue, 8), (Rows{1, 5}));
}

TEST(BatchQueue, AnsweredRequestsAreDroppedNotRun) {
  BatchQueue queue(10);
  Pushed a, b, c;
  ASSERT_TRUE(push(queue, a.job(1), at(0)));
  ASSERT_TRUE(push(queue, b.job(2), at(1)));
  ASSERT_TRUE(push(queue, c.job(3), at(2)));
  a.call->cancel();
  b.call->cancel();
  EXPECT_EQ(queue.facts(at(10))->oldest_at, at(2));
  EXPECT_EQ(take(queue, 8), (Rows{3}));
  EXPECT_EQ(queue.take_dead().size(), 2U);
}

TEST(BatchQueue, ExpiredRequestsAreCollectedAndTheNextDeadlineTold) {
  BatchQueue queue(10);
  Pushed p[3];
  p[0].call->request.deadline = at(50);
  p[1].call->request.deadline = at(70);
  for (Pushed& pushed : p) ASSERT_TRUE(push(queue, pushed.job(1), at(0)));
  std::vector<PendingRef> expired;
  EXPECT_EQ(queue.collect_expired(at(40), expired), at(50));
  EXPECT_TRUE(expired.empty());
  EXPECT_EQ(queue.collect_expired(at(60), expired), at(70));
  ASSERT_EQ(expired.size(), 1U);
  EXPECT_EQ(queue.collect_expired(at(70), expired), kNever);
  EXPECT_EQ(take(queue, 8), (Rows{1}));
}

TEST(BatchQueue, NeverHoldsMoreThanItsLimit) {
  BatchQueue queue(100);
  std::vector<Pushed> pushed(1000);
  std::size_t accepted = 0;
  for (std::size_t i = 0; i < pushed.size(); ++i) {
    const auto width = static_cast<std::int64_t>(i % 7);
    if (push(queue, pushed[i].job(1, {width}), at(static_cast<int>(i)))) ++accepted;
    ASSERT_LE(queue.size(), 100U);
    if (i % 3 == 0) take(queue, 4);
  }
  EXPECT_GE(accepted, 100U);
}

}  // namespace
}  // namespace mlops::testing
