#include "labels/label_join.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>
#include <string>
#include <thread>

#include "support/fake_clock.h"

namespace mlops {
namespace {

using namespace std::chrono_literals;

struct JoinTest : ::testing::Test {
  mlops::testing::FakeClock clock;
  LabelJoin::Options options;
};

TEST_F(JoinTest, ALabelIsCreditedToThePredictionsSlotHoweverLateItComes) {
  options.slot = 1min;
  options.slots = 180;
  options.keep = 2h;
  LabelJoin join(options, clock);
  join.predicted("a", 1, 0.9, 1);
  clock.advance(30min);
  join.predicted("b", 1, 0.2, 0);
  EXPECT_EQ(join.label("a", 1), Joined::joined);
  EXPECT_EQ(join.label("b", 1), Joined::joined);
  const RealisedQuality now = join.realised(1, 1min);
  EXPECT_EQ(now.predictions, 1u);
  EXPECT_EQ(now.quality.count(), 1u);
  EXPECT_EQ(now.quality.confusion(1, 0), 1u);
  const RealisedQuality hour = join.realised(1, 1h);
  EXPECT_EQ(hour.predictions, 2u);
  EXPECT_EQ(hour.quality.accuracy(), 0.5);
  EXPECT_EQ(hour.coverage(), 1);
  EXPECT_NEAR(static_cast<double>(hour.delay_ms.quantile(1)), 30 * 60e3, 0.13 * 30 * 60e3);
  EXPECT_EQ(join.realised(2, 1h).predictions, 0u);
}

TEST_F(JoinTest, EveryPredictionAndLabelIsCountedOnce) {
  options.keep = 10min;
  options.versions = 1;
  LabelJoin join(options, clock);
  join.predicted("a", 1, 0.9, 1);
  join.predicted("a", 1, 0.1, 0);
  join.predicted("b", 2, 0.9, 1);
  join.predicted("c", 1, 1.5, 1);
  join.predicted("late", 1, 0.5, 1);
  EXPECT_EQ(join.label("nobody", 1), Joined::unknown);
  EXPECT_EQ(join.label("b", 1), Joined::unknown);
  EXPECT_EQ(join.label("a", std::nan("")), Joined::inadmissible);
  EXPECT_EQ(join.label("a", 2), Joined::inadmissible);
  EXPECT_EQ(join.label("a", 0.5), Joined::inadmissible);
  EXPECT_EQ(join.label("a", 1), Joined::joined);
  EXPECT_EQ(join.label("a", 0), Joined::duplicated);
  clock.advance(11min);
  EXPECT_EQ(join.label("late", 1), Joined::late);
  const JoinCounts counts = join.counts();
  EXPECT_EQ(counts.stored, 2u);
  EXPECT_EQ(counts.repeated, 1u);
  EXPECT_EQ(counts.refused, 2u);
  EXPECT_EQ(counts.joined + counts.duplicated, 2u);
  EXPECT_EQ(counts.late, 1u);
  EXPECT_EQ(counts.unknown, 2u);
  EXPECT_EQ(counts.inadmissible, 3u);
  EXPECT_EQ(join.realised(1, 1h).quality.confusion(1, 1), 1u);  // the first of both stays
}

TEST_F(JoinTest, TheOldestPredictionsMakeRoom) {
  options.bytes = 4096;
  LabelJoin join(options, clock);
  for (int i = 0; i < 1000; ++i) join.predicted("id" + std::to_string(i), 1, 0.5, 1);
  EXPECT_EQ(join.label("id0", 1), Joined::unknown);
  EXPECT_EQ(join.label("id999", 1), Joined::joined);
  const JoinCounts counts = join.counts();
  EXPECT_EQ(counts.stored, 1000u);
  EXPECT_GT(counts.lost_unlabelled, 900u);
  EXPECT_LT(counts.lost_unlabelled, 1000u);
  EXPECT_LT(join.realised(1, 1h).coverage(), 0.01);
}

TEST_F(JoinTest, ASlotThatIsGoneTakesNoLabels) {
  options.slot = 1min;
  options.slots = 3;
  options.keep = 1h;
  LabelJoin join(options, clock);
  join.predicted("a", 1, 0.5, 1);
  clock.advance(3min);
  join.predicted("b", 1, 0.5, 1);
  EXPECT_EQ(join.label("a", 1), Joined::late);
  EXPECT_EQ(join.realised(1, 1h).predictions, 1u);
}

TEST_F(JoinTest, ManyThreadsLoseNothing) {
  LabelJoin join(options, clock);
  constexpr int kThreads = 4, kEach = 2000;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&join, t] {
        for (int i = 0; i < kEach; ++i) {
          const std::string id = std::to_string(t * kEach + i);
          join.predicted(id, 1 + t % 2, 0.75, 1);
          EXPECT_EQ(join.label(id, i % 4 != 0), Joined::joined);
          if (i % 100 != 0) continue;
          EXPECT_LE(join.realised(1, 1h).predictions, 2u * kEach);
        }
      });
  }
  for (const std::int64_t version : {1, 2}) {
    const RealisedQuality all = join.realised(version, 1h);
    EXPECT_EQ(all.predictions, 2u * kEach);
    EXPECT_EQ(all.quality.count(), 2u * kEach);
    EXPECT_EQ(all.quality.accuracy(), 0.75);
  }
}

TEST_F(JoinTest, OptionsAreChecked) {
  EXPECT_TRUE(LabelJoin::check(options).ok());
  options.classes = 3;
  EXPECT_FALSE(LabelJoin::check(options).ok());
  options = {.task = Task::classes, .classes = 65};
  EXPECT_FALSE(LabelJoin::check(options).ok());
  options = {.keep = 0s};
  EXPECT_FALSE(LabelJoin::check(options).ok());
  options = {.bytes = 100};
  EXPECT_FALSE(LabelJoin::check(options).ok());
}

// Against a map and a queue, under any order of inserts and look-ups.
TEST(PredictionRingTest, IsAMapOfTheNewest) {
  for (const std::size_t capacity : {1u, 2u, 7u, 64u, 100u}) {
    PredictionRing ring(capacity, capacity);
    std::mt19937_64 random(capacity);
    std::vector<std::string> stored;
    for (int step = 0; step < 5000; ++step) {
      const std::string id = "request-" + std::to_string(random() % (3 * capacity));
      const std::size_t from = stored.size() > capacity ? stored.size() - capacity : 0;
      const bool there = std::find(stored.begin() + static_cast<std::ptrdiff_t>(from), stored.end(),
                                   id) != stored.end();
      ASSERT_EQ(ring.find(id) != nullptr, there);
      if (random() % 2 == 0) continue;
      bool lost = false;
      ASSERT_EQ(ring.insert(id, {}, lost), !there);
      ASSERT_EQ(lost, !there && stored.size() >= capacity);
      if (!there) stored.push_back(id);
      ASSERT_EQ(ring.size(), std::min(stored.size(), capacity));
    }
  }
}

TEST(PredictionRingTest, IdsOfAnyLengthAreTheirOwn) {
  PredictionRing ring(4096, 1);
  bool lost = false;
  std::string id;
  for (int length = 0; length < 70; ++length) {
    EXPECT_TRUE(ring.insert(id, {}, lost)) << length;
    id.push_back('\0');  // zeros are part of an id
  }
  EXPECT_EQ(ring.size(), 70u);
}

TEST(PredictionRingTest, StaysWithinItsBytes) {
  for (const std::size_t bytes : {4096u, 100'000u, 10'000'000u}) {
    const std::size_t entries = PredictionRing::entries_in(bytes);
    EXPECT_LE(entries * sizeof(PredictionRing::Entry) + std::bit_ceil(2 * entries) * 4, bytes);
    EXPECT_GE(entries * 100, bytes * 3 / 4);
  }
}

TEST_F(JoinTest, ACorrectionTakesThePlaceOfALabelAsIfThatHadNeverCome) {
  LabelJoin join(options, clock), straight(options, clock);
  for (LabelJoin* each : {&join, &straight}) {
    each->predicted("a", 1, 0.9, 1);
    each->predicted("b", 1, 0.3, 0);
  }
  EXPECT_EQ(join.take({FeedbackKind::label, "a", 0}), Joined::joined);
  EXPECT_EQ(join.take({FeedbackKind::correction, "a", 1}), Joined::corrected);
  EXPECT_EQ(join.take({FeedbackKind::correction, "a", 2}), Joined::inadmissible);
  EXPECT_EQ(join.take({FeedbackKind::correction, "b", 0}), Joined::joined);
  EXPECT_EQ(join.take({FeedbackKind::label, "b", 1}), Joined::duplicated);
  EXPECT_EQ(join.take({FeedbackKind::correction, "c", 1}), Joined::unknown);
  straight.label("a", 1);
  straight.label("b", 0);
  const Quality corrected = join.realised(1, 1h).quality;
  const Quality direct = straight.realised(1, 1h).quality;
  EXPECT_EQ(corrected.count(), 2u);
  for (int label = 0; label < 2; ++label) {
    for (int predicted = 0; predicted < 2; ++predicted)
      EXPECT_EQ(corrected.confusion(label, predicted), direct.confusion(label, predicted));
  }
  EXPECT_NEAR(corrected.log_loss(), direct.log_loss(), 1e-12);
  EXPECT_NEAR(corrected.brier(), direct.brier(), 1e-12);
  EXPECT_EQ(corrected.auroc().low, direct.auroc().low);
  EXPECT_EQ(join.counts().corrected, 1u);
  EXPECT_EQ(join.calibration(1).count(), 2u);
}

TEST_F(JoinTest, OneVersionTooManyTakesThePlaceOfTheOneThatWasLastAskedLongestAgo) {
  options.versions = 2;
  options.replace_versions = true;
  LabelJoin join(options, clock);
  join.predicted("a", 1, 0.9, 1);
  clock.advance(1s);
  join.predicted("b", 2, 0.9, 1);
  clock.advance(1s);
  join.predicted("c", 1, 0.9, 1);
  clock.advance(1s);
  join.predicted("d", 3, 0.9, 1);
  EXPECT_EQ(join.versions(), (std::vector<std::int64_t>{1, 3}));
  EXPECT_EQ(join.label("b", 1), Joined::late);
  EXPECT_EQ(join.label("a", 1), Joined::joined);
  EXPECT_EQ(join.label("d", 1), Joined::joined);
  EXPECT_EQ(join.realised(3, 1h).predictions, 1u);
  EXPECT_EQ(join.realised(2, 1h).predictions, 0u);
  EXPECT_EQ(join.calibration(3).count(), 1u);
  EXPECT_EQ(join.counts().refused, 0u);
}

TEST_F(JoinTest, ARewardIsTakenOnceAndBesideALabel) {
  LabelJoin join(options, clock);
  join.predicted("a", 1, 0.9, 1);
  EXPECT_EQ(join.take({FeedbackKind::reward, "a", std::nan("")}), Joined::inadmissible);
  EXPECT_EQ(join.take({FeedbackKind::reward, "a", 2.5}), Joined::rewarded);
  EXPECT_EQ(join.take({FeedbackKind::reward, "a", 7}), Joined::duplicated);
  EXPECT_EQ(join.take({FeedbackKind::label, "a", 1}), Joined::joined);
  const RealisedQuality hour = join.realised(1, 1h);
  EXPECT_EQ(hour.rewards, 1u);
  EXPECT_EQ(hour.reward_sum, 2.5);
  EXPECT_EQ(hour.quality.count(), 1u);
  EXPECT_EQ(join.counts().rewarded, 1u);
}

TEST_F(JoinTest, WhatScoresPromiseIsTheMeanOfTheirChances) {
  LabelJoin join(options, clock);
  const std::vector<MadePrediction> made{{join.hash_of("a"), 0.9, 1},
                                         {join.hash_of("b"), 0.2, 0},
                                         {join.hash_of("c"), 0.6, 1},
                                         {join.hash_of("a"), 0.1, 0}};
  join.predicted(made, 1);
  const RealisedQuality hour = join.realised(1, 1h);
  EXPECT_EQ(hour.predictions, 3u);
  EXPECT_EQ(join.counts().repeated, 1u);
  EXPECT_NEAR(hour.expected.accuracy(), (0.9 + 0.8 + 0.6) / 3, 1e-12);
  EXPECT_NEAR(hour.expected.precision(), (0.9 + 0.6) / 2, 1e-12);
  EXPECT_NEAR(hour.expected.recall(), 1.5 / 1.7, 1e-12);
  EXPECT_NEAR(hour.expected.f1(), 3.0 / (3 + 0.5 + 0.2), 1e-12);
  EXPECT_EQ(join.take({FeedbackKind::label, "b", 0}), Joined::joined);
}

}  // namespace
}  // namespace mlops
