#include "labels/quality.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "labels/calibration_bet.h"

namespace mlops {
namespace {

struct Row {
  double score;
  int predicted;
  double label;
};

std::vector<Row> rows(std::uint64_t seed, int n) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<Row> made;
  for (int i = 0; i < n; ++i) {
    const double score = uniform(random);
    made.push_back({score, score > 0.4, uniform(random) < score * score ? 1.0 : 0.0});
  }
  return made;
}

Quality quality_of(const std::vector<Row>& all, std::size_t from, std::size_t to) {
  Quality quality(Task::binary, 2);
  for (std::size_t i = from; i < to; ++i) quality.add(all[i].score, all[i].predicted, all[i].label);
  return quality;
}

TEST(QualityTest, AurocBoundsHoldTheExactOne) {
  const std::vector<Row> all = rows(1, 2000);
  double won = 0, pairs = 0;
  for (const Row& a : all)
    for (const Row& b : all)
      if (a.label == 1 && b.label == 0) {
        ++pairs;
        won += a.score > b.score ? 1 : a.score == b.score ? 0.5 : 0;
      }
  const Bounds bounds = quality_of(all, 0, all.size()).auroc();
  EXPECT_LE(bounds.low, won / pairs);
  EXPECT_GE(bounds.high, won / pairs);
  EXPECT_LT(bounds.high - bounds.low, 2.0 / kScoreBins);
}

TEST(QualityTest, SumsByHand) {
  Quality quality(Task::binary, 2);
  quality.add(0.8, 1, 1);
  quality.add(0.6, 1, 0);
  quality.add(0.3, 0, 1);
  quality.add(0.0, 0, 0);
  EXPECT_EQ(quality.accuracy(), 0.5);
  EXPECT_EQ(quality.precision(1), 0.5);
  EXPECT_EQ(quality.recall(1), 0.5);
  EXPECT_EQ(quality.f1(1), 0.5);
  EXPECT_NEAR(quality.log_loss(), -(std::log(0.8) + std::log(0.4) + std::log(0.3)) / 4, 1e-12);
  EXPECT_NEAR(quality.brier(), (0.04 + 0.36 + 0.49) / 4, 1e-12);
}

TEST(QualityTest, MergingIsCountingTogetherInAnyOrder) {
  const std::vector<Row> all = rows(2, 900);
  Quality merged = quality_of(all, 600, 900);
  merged.merge(quality_of(all, 0, 250));
  merged.merge(quality_of(all, 250, 600));
  const Quality whole = quality_of(all, 0, 900);
  EXPECT_EQ(merged.count(), whole.count());
  for (const int label : {0, 1})
    for (const int predicted : {0, 1})
      EXPECT_EQ(merged.confusion(label, predicted), whole.confusion(label, predicted));
  EXPECT_EQ(merged.auroc().low, whole.auroc().low);
  EXPECT_NEAR(merged.log_loss(), whole.log_loss(), 1e-12);
}

TEST(QualityTest, RegressionMoments) {
  Quality quality(Task::regression, 0);
  quality.add(3, 0, 1);
  quality.add(1, 0, 2);
  quality.add(4, 0, 6);
  EXPECT_NEAR(quality.bias(), -1.0 / 3, 1e-12);
  EXPECT_NEAR(quality.mean_absolute_error(), 5.0 / 3, 1e-12);
  EXPECT_NEAR(quality.mean_squared_error(), 3, 1e-12);
  EXPECT_NEAR(quality.r_squared(), 1 - 9.0 / 14, 1e-12);
}

TEST(QualityTest, OfNothingIsNotANumber) {
  const Quality quality(Task::binary, 2);
  EXPECT_TRUE(std::isnan(quality.accuracy()));
  EXPECT_TRUE(std::isnan(quality.auroc().low));
  EXPECT_TRUE(std::isnan(Quality(Task::regression, 0).r_squared()));
  EXPECT_TRUE(std::isnan(Quality(Task::regression, 0).auroc().low));
  EXPECT_TRUE(std::isnan(Quality(Task::classes, 3).auroc().high));
}

// Ville: over many calibrated streams, at most a share alpha is ever taken for wrong.
TEST(CalibrationBetTest, CalibratedScoresAreLeftAlone) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> uniform(0.5, 1), coin(0, 1);
  int alarms = 0;
  for (int stream = 0; stream < 300; ++stream) {
    CalibrationBet bet;
    for (int i = 0; i < 1000; ++i) {
      const double chance = uniform(random);
      bet.add(chance, coin(random) < chance);
    }
    alarms += bet.gone_wrong(0.05);
  }
  EXPECT_LE(alarms, 29);  // 15 expected at most; 29 or fewer with a chance of 0.9997
}

TEST(CalibrationBetTest, WrongChancesAreFoundBothWays) {
  for (const double truth : {0.7, 0.9}) {
    std::mt19937_64 random(4);
    std::bernoulli_distribution right(truth);
    CalibrationBet bet;
    while (!bet.gone_wrong(1e-6) && bet.count() < 10'000) bet.add(0.8, right(random));
    EXPECT_LT(bet.count(), 3000u) << truth;
  }
}

TEST(CalibrationBetTest, CertaintyThatIsWrongIsFinite) {
  CalibrationBet bet;
  for (int i = 0; i < 100'000; ++i) bet.add(1, false);
  EXPECT_TRUE(std::isfinite(bet.log_wealth()));
  EXPECT_GT(bet.log_wealth(), 10'000);
}

}  // namespace
}  // namespace mlops
