// Misses are counted one by one and timed now and then: times stand for no more than was counted.

#include "engine/hit_recorder.h"

#include <gtest/gtest.h>

#include "support/fake_clock.h"

namespace mlops::testing {
namespace {

TEST(HitRecorder, TimesOfFewMissesStandForAll) {
  FakeClock clock;
  HitRecorder recorder(std::make_shared<const ModelInfo>(), nullptr, nullptr, clock);
  std::uint64_t stood_for = 0;
  std::uint64_t timed = 0;
  std::uint64_t due = 0;
  std::uint64_t before_ns = 0;
  for (std::uint64_t count = 1; count <= 2 * CacheWorth::kMissesBetween; ++count) {
    const HitRecorder::Miss miss = recorder.miss();
    stood_for += miss.stands_for;
    timed += miss.stands_for > 0 ? 1 : 0;
    due += miss.due ? 1 : 0;
    if (miss.stands_for > 0) recorder.missed(miss.stands_for, 100);
    ASSERT_LE(stood_for, count);
    ASSERT_GT(stood_for + 8, count);
    const CacheWork work = recorder.work();
    EXPECT_EQ(work.misses, count);
    EXPECT_EQ(work.miss_ns, 100 * stood_for);
    EXPECT_GE(work.miss_ns, before_ns);
    before_ns = work.miss_ns;
  }
  EXPECT_LT(timed, CacheWorth::kMissesBetween / 3);
  EXPECT_EQ(due, 2U);
}

// A thread that was put to sleep while it was timed: eight others were not.
TEST(HitRecorder, OneTimeOutOfLineDecidesNothing) {
  FakeClock clock;
  HitRecorder recorder(std::make_shared<const ModelInfo>(), nullptr, nullptr, clock);
  for (int i = 0; i < 100; ++i) recorder.missed(8, 100);
  const std::uint64_t before = recorder.work().miss_ns;
  EXPECT_EQ(before, 100U * 8 * 100);
  recorder.missed(8, 10'000'000);
  EXPECT_LT(recorder.work().miss_ns - before, 8U * 20 * 110);
  // What stays so is believed.
  for (int i = 0; i < 100; ++i) recorder.missed(8, 10'000);
  const std::uint64_t slow = recorder.work().miss_ns;
  recorder.missed(8, 10'000);
  EXPECT_EQ(recorder.work().miss_ns - slow, 8U * 10'000);
}

}  // namespace
}  // namespace mlops::testing
