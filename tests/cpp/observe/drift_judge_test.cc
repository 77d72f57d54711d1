// Alerts from beginning to end, over simulated rows and times.
#include "observe/drift_judge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "support/table_law.h"

namespace mlops {
namespace {

using testing::TableLaw;
using Kind = DriftEventKind;

class Fleet {
 public:
  explicit Fleet(std::size_t streams, JudgeOptions options = {})
      : judge_(make(streams), options), laws_(streams, TableLaw::normal(32)) {}

  TableLaw& law(std::size_t stream) { return laws_[stream]; }
  DriftJudge& judge() { return judge_; }
  TimePoint now() const { return now_; }

  // Feeds rows, 64 at a time and a second apart; returns the events.
  std::vector<DriftEvent> run(std::size_t rows) {
    std::vector<DriftEvent> events;
    for (std::size_t done = 0; done < rows; done += 64) {
      CountsTable tile;
      for (const TableLaw& law : laws_) tile.push_back(law.counts(64, random_));
      now_ += std::chrono::seconds(1);
      auto seen = judge_.see(tile, now_);
      EXPECT_TRUE(seen.ok());
      for (DriftEvent& event : *seen) events.push_back(std::move(event));
    }
    return events;
  }

 private:
  std::vector<JudgedStream> make(std::size_t streams) {
    std::vector<JudgedStream> judged(streams);
    for (JudgedStream& stream : judged) {
      stream.before.counts = TableLaw::normal(32).counts(100'000, random_);
    }
    judged.back().output = true;
    return judged;
  }

  std::mt19937_64 random_{21};
  DriftJudge judge_;
  std::vector<TableLaw> laws_;
  TimePoint now_{};
};

// Of the first rows after a change less is known than later, so an alert may still get worse.
std::vector<Kind> kinds(const std::vector<DriftEvent>& events) {
  std::vector<Kind> found;
  for (const DriftEvent& event : events) {
    if (event.kind != Kind::worsened) found.push_back(event.kind);
  }
  return found;
}

TEST(DriftJudge, is_silent_while_nothing_changes) {
  Fleet fleet(4);
  EXPECT_TRUE(fleet.run(50'000).empty());
  EXPECT_TRUE(fleet.judge().changed().empty());
  EXPECT_TRUE(fleet.judge().active().empty());
}

TEST(DriftJudge, names_what_changed_since_when_and_how_much) {
  Fleet fleet(4);
  fleet.run(19'200);
  const TimePoint before = fleet.now();
  fleet.law(1) = TableLaw::normal(32, 1);
  const std::vector<DriftEvent> events = fleet.run(1'280);
  ASSERT_EQ(kinds(events), std::vector{Kind::raised});
  const DriftAlert& alert = *events[0].alert;
  EXPECT_EQ(alert.stream, 1U);
  EXPECT_EQ(fleet.judge().active()[0].severity, DriftSeverity::critical);
  EXPECT_EQ(alert.cause.kind, DriftClass::shift);
  EXPECT_NEAR(alert.cause.shift_sigma, 1, 0.3);
  EXPECT_NEAR(static_cast<double>(alert.change_row), 19'200, 130);
  EXPECT_LE(std::abs((alert.change_time - before).count()),
            Duration(std::chrono::seconds(2)).count());
  EXPECT_LE(alert.raised_row, 19'200U + 192);
  EXPECT_GT(alert.psi_debiased, 0.02);
  EXPECT_GT(fleet.judge().active()[0].psi_debiased, 0.5);  // once there are rows to tell
  EXPECT_EQ(alert.cells.size(), 3U);
  EXPECT_GE(alert.evidence, 1e8);
  EXPECT_EQ(fleet.judge().changed(), std::vector<std::size_t>{1});
}

TEST(DriftJudge, folds_repeats_and_reports_recovery_once) {
  JudgeOptions options;
  options.retrain_rows = 1'000'000;
  Fleet fleet(3, options);
  fleet.run(5'000);
  fleet.law(0) = TableLaw::normal(32, 0.7);
  EXPECT_EQ(kinds(fleet.run(9'000)), std::vector{Kind::raised});
  ASSERT_EQ(fleet.judge().active().size(), 1U);
  EXPECT_GT(fleet.judge().active()[0].repeats, 3U);
  fleet.law(0) = TableLaw::normal(32);
  EXPECT_EQ(kinds(fleet.run(30'000)), std::vector{Kind::recovered});
  EXPECT_TRUE(fleet.judge().active().empty());
  EXPECT_TRUE(fleet.judge().changed().empty());
  fleet.law(0) = TableLaw::normal(32, 0.7);
  EXPECT_EQ(kinds(fleet.run(2'000)), std::vector{Kind::raised});
}

TEST(DriftJudge, tells_when_an_alert_gets_worse) {
  Fleet fleet(3);
  fleet.law(0) = TableLaw::normal(32, 0.3);
  std::vector<DriftEvent> events = fleet.run(5'000);
  ASSERT_EQ(kinds(events), std::vector{Kind::raised});
  EXPECT_EQ(events[0].alert->severity, DriftSeverity::warning);
  fleet.law(0) = TableLaw::normal(32, 3);
  events = fleet.run(12'000);
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events[0].kind, Kind::worsened);
  EXPECT_EQ(events[0].alert->severity, DriftSeverity::critical);
}

TEST(DriftJudge, a_change_too_small_to_matter_is_certain_and_no_alert) {
  JudgeOptions options;
  options.effect_warning = 0.1;
  Fleet fleet(2, options);
  fleet.law(0) = TableLaw::normal(32, 0.15);
  EXPECT_TRUE(fleet.run(20'000).empty());
  EXPECT_EQ(fleet.judge().changed(), std::vector<std::size_t>{0});
}

TEST(DriftJudge, suggests_retraining_for_lasting_change_and_not_for_faults_of_the_data) {
  Fleet fleet(4);  // three inputs: one of them is more than a quarter
  fleet.law(0) = TableLaw::normal(32).with_mass(OwnMass::missing, 32768);
  std::vector<DriftEvent> events = fleet.run(15'000);
  ASSERT_EQ(kinds(events), std::vector{Kind::raised});
  EXPECT_EQ(events[0].alert->cause.kind, DriftClass::missing);
  fleet.law(3) = TableLaw::normal(32, 0.6);  // the output
  events = fleet.run(15'000);
  EXPECT_EQ(kinds(events), (std::vector{Kind::raised, Kind::retrain_suggested}));
  EXPECT_EQ(events.back().streams, std::vector<std::size_t>{3});
}

TEST(DriftJudge, replicas_see_together_what_none_sees_alone) {
  Fleet one(1);
  one.law(0) = TableLaw::normal(32, 0.4);
  EXPECT_TRUE(one.run(192).empty());
  DriftJudge all = one.judge();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(all.merge(one.judge()).ok());
  EXPECT_EQ(all.rows(), 4U * 192);
  Fleet other(2);
  EXPECT_FALSE(all.merge(other.judge()).ok());
}

TEST(DriftJudge, refuses_counts_of_other_streams) {
  Fleet fleet(2);
  EXPECT_FALSE(fleet.judge().see({}, TimePoint{}).ok());
  EXPECT_FALSE(fleet.judge().see(CountsTable(2, StreamCounts(StreamKind::numeric, 3)), {}).ok());
}

}  // namespace
}  // namespace mlops
