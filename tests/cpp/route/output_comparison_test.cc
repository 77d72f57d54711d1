#include "route/output_comparison.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "route/shadow_log.h"
#include "support/requests.h"

namespace mlops::testing {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

Tensor floats(Shape shape, const std::vector<float>& values) {
  return dense(DType::f32, shape, values);
}

TEST(OutputComparison, EqualAnswersAgreeInEverything) {
  OutputComparison sum;
  const Tensor answer = floats({3, 2}, {1, 2, 5, 4, -3, kNan});
  EXPECT_EQ(sum.add(answer, answer), 0);
  EXPECT_EQ(sum.equal, 1U);
  EXPECT_EQ(sum.within, 6U);
  EXPECT_EQ(sum.best_same, sum.ranked_rows);
  EXPECT_EQ(sum.best_shared, sum.best_possible);
  EXPECT_EQ(sum.pairs_same, sum.pairs);
  EXPECT_EQ(sum.distance(), 0);
}

TEST(OutputComparison, DifferencesAreCountedByKind) {
  OutputComparison sum;
  // Row 1: another best column. Rows are in the other order by their first column.
  EXPECT_NEAR(
      sum.add(floats({2, 2}, {0.9F, 0.1F, 0.2F, 0.8F}), floats({2, 2}, {0.1F, 0.9F, 0.2F, 0.8F})),
      0.8, 1e-6);
  EXPECT_EQ(sum.equal, 0U);
  EXPECT_EQ(sum.values, 4U);
  EXPECT_EQ(sum.within, 2U);
  EXPECT_EQ(sum.ranked_rows, 2U);
  EXPECT_EQ(sum.best_same, 1U);
  EXPECT_EQ(sum.pairs, 1U);
  EXPECT_EQ(sum.pairs_same, 0U);
  EXPECT_NEAR(sum.difference_sum, 1.6, 1e-6);
  EXPECT_EQ(sum.distance(), 0) << "the same values, in another order";
}

TEST(OutputComparison, WhatIsNoNumberIsADifference) {
  OutputComparison sum;
  EXPECT_EQ(sum.add(floats({2}, {1, 2}), floats({2}, {1, kNan})), INFINITY);
  EXPECT_EQ(sum.not_finite, 1U);
  EXPECT_EQ(sum.difference_max, 0);
  EXPECT_EQ(sum.within, 1U);
}

TEST(OutputComparison, OtherShapesAndTypesAreUnlike) {
  OutputComparison sum;
  EXPECT_EQ(sum.add(floats({2}, {1, 2}), floats({1, 2}, {1, 2})), INFINITY);
  EXPECT_EQ(sum.add(floats({1}, {1}), dense<double>(DType::f64, {1}, {1})), INFINITY);
  EXPECT_EQ(sum.unlike, 2U);
  EXPECT_EQ(sum.values, 0U);
  EXPECT_EQ(sum.add(strings({1}, {"a"}), strings({1}, {"a"})), 0);
  EXPECT_EQ(sum.add(strings({1}, {"a"}), strings({1}, {"b"})), INFINITY);
  EXPECT_EQ(sum.equal, 1U);
  EXPECT_EQ(sum.add(floats({0, 3}, {}), floats({0, 3}, {})), 0);
}

TEST(OutputComparison, DistancesAreOfTheDistributions) {
  OutputComparison apart;
  OutputComparison alike;
  for (int i = 0; i < 100; ++i) {
    apart.add(floats({1}, {1}), floats({1}, {1000}));
    alike.add(floats({1}, {static_cast<float>(i % 10)}),
              floats({1}, {static_cast<float>(9 - i % 10)}));
  }
  EXPECT_NEAR(apart.distance(), 1, 1e-9);
  EXPECT_NEAR(alike.distance(), 0, 1e-9);
}

TEST(ShadowLog, KeepsTheWorstAndNoMore) {
  ShadowLog log;
  for (int i = 0; i < 100; ++i) {
    const Tensor primary = floats({1}, {0});
    const Tensor shadow = floats({1}, {static_cast<float>(i * 37 % 100)});
    log.compare("r" + std::to_string(i * 37 % 100), {{"out", primary}}, {{"out", shadow}}, 10, 20);
  }
  const ShadowStatus status = log.status();
  EXPECT_EQ(status.compared, 100U);
  EXPECT_EQ(status.shadow_ns, 2000U);
  ASSERT_EQ(status.worst.size(), ShadowLog::kWorst);
  for (std::size_t i = 0; i < status.worst.size(); ++i) {
    EXPECT_EQ(status.worst[i].request_id, "r" + std::to_string(99 - i));
    EXPECT_EQ(status.worst[i].shadow, std::vector<double>{99.0 - static_cast<double>(i)});
  }
}

TEST(ShadowLog, AnOutputThatIsMissingIsUnlike) {
  ShadowLog log;
  log.compare("r", {{"out", floats({1}, {0})}}, {}, 1, 1);
  EXPECT_EQ(log.status().outputs.at(0).second.unlike, 1U);
}

}  // namespace
}  // namespace mlops::testing
