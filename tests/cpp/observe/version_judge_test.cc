// A version's judge as readers see it: names, samples, numbered events, and state over restarts.

#include "observe/version_judge.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "observe/category_codes.h"
#include "observe/judge_bytes.h"
#include "observe/reference_build.h"
#include "observe/row_counter.h"
#include "observe/stable_hash.h"
#include "observe/stream_cells.h"

namespace mlops {
namespace {

class VersionJudgeTest : public ::testing::Test {
 protected:
  VersionJudgeTest() {
    std::vector<float> numbers(20'000);
    for (float& value : numbers) value = normal_(random_);
    std::vector<double> codes;
    for (std::size_t i = 0; i < numbers.size(); ++i) codes.push_back(static_cast<double>(i % 4));
    std::vector<StreamReference> streams;
    streams.push_back(
        numeric_reference({StreamRole::input, "in", 0, "distance"}, numbers, ReferenceOptions{}));
    streams.push_back(
        number_categories({StreamRole::input, "in", 1, "carrier"}, codes, ReferenceOptions{}));
    reference_ = *seal_reference(std::move(streams));
  }

  // `rows` rows; the number times `factor`.
  std::vector<NumberedEvent> see(VersionJudge& judge, std::size_t rows, float factor) {
    RowCounter counter(reference_);
    RecentRows recent(2, 64);
    CountsTable counts = reference_->empty_counts();
    for (std::size_t i = 0; i < rows; ++i) {
      float* const row = counter.next_row();
      row[0] = normal_(random_) * factor;
      row[1] = static_cast<float>(i % 4);
      recent.add(row);
      counter.stage(1);
      if (counter.free_rows() == 0) counter.fold();
    }
    counter.fold();
    counter.take(counts);
    now_ += std::chrono::seconds(1);
    return judge.see(counts, {}, recent, now_);
  }

  std::mt19937 random_{1};
  std::normal_distribution<float> normal_;
  ReferencePtr reference_;
  TimePoint now_{};
};

TEST_F(VersionJudgeTest, AnAlertShowsRowsOfTheBinsThatGained) {
  VersionJudge judge(reference_, {});
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(see(judge, 256, 1).empty());
  std::vector<NumberedEvent> events;
  for (int i = 0; i < 4 && events.empty(); ++i) events = see(judge, 256, 6);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].event.kind, DriftEventKind::raised);
  EXPECT_EQ(events[0].number, 1U);
  ASSERT_FALSE(events[0].samples.empty());
  for (const SampleRow& sample : events[0].samples) {
    EXPECT_GT(std::abs(sample.values[0]), 1.5F);
    EXPECT_EQ(sample.cell, cell_of(reference_->streams[0], sample.values[0]));
  }
  const JudgeView view = judge.view(0);
  ASSERT_EQ(view.active.size(), 1U);
  EXPECT_EQ(view.active[0].samples.size(), events[0].samples.size());
  EXPECT_EQ(view.changed, std::vector<std::size_t>{0});
  EXPECT_EQ(view.events.size(), 1U);
  EXPECT_TRUE(judge.view(1).events.empty());
  EXPECT_EQ(judge.view(7).events_forgotten, 0U);
  EXPECT_EQ(judge.figures().active.size(), 1U);
  EXPECT_EQ(judge.figures().events[0], 1U);
  judge.reset();
  EXPECT_TRUE(judge.view(0).active.empty());
  EXPECT_EQ(judge.view(0).last_event, 1U);
}

TEST_F(VersionJudgeTest, EventsAreBoundedAndSayWhatIsGone) {
  JudgeOptions options;
  options.recovery_rows = 256;
  VersionJudge judge(reference_, options);
  std::uint64_t last = 0;
  for (int i = 0; i < 4000 && last <= kEventsKept + 10; ++i) {
    last += see(judge, 512, i % 12 < 4 ? 6.0F : 1.0F).size();
  }
  const JudgeView view = judge.view(0);
  ASSERT_GT(view.last_event, kEventsKept);
  EXPECT_EQ(view.events.size(), kEventsKept);
  EXPECT_EQ(view.events_forgotten, view.last_event - kEventsKept);
  EXPECT_EQ(view.events.back().number, view.last_event);
  EXPECT_EQ(judge.view(view.last_event - 2).events.size(), 2U);
}

TEST_F(VersionJudgeTest, WhatIsKnownOutlivesARestartToTheBit) {
  VersionJudge before(reference_, {});
  for (int i = 0; i < 40; ++i) see(before, 128, i < 20 ? 1.0F : 1.4F);
  ASSERT_EQ(before.view(0).active.size(), 1U);
  VersionJudge after(reference_, {});
  ASSERT_TRUE(after.restore(before.bytes()).ok());
  EXPECT_EQ(after.bytes(), before.bytes());
  EXPECT_EQ(after.view(0).active.size(), 1U);
  EXPECT_EQ(after.view(0).last_event, before.view(0).last_event);
  EXPECT_EQ(after.view(0).active[0].alert.change_row, before.view(0).active[0].alert.change_row);
  // And both go on alike.
  const std::mt19937 random = random_;
  for (int i = 0; i < 10; ++i) see(before, 128, 1.4F);
  random_ = random;
  now_ -= std::chrono::seconds(10);
  normal_.reset();
  VersionJudge again(reference_, {});
  ASSERT_TRUE(again.restore(after.bytes()).ok());
  for (int i = 0; i < 10; ++i) see(after, 128, 1.4F);
  EXPECT_EQ(after.figures().rows, before.figures().rows);
}

TEST_F(VersionJudgeTest, StateOfAnotherReferenceMarginOrADamagedOneChangesNothing) {
  VersionJudge judge(reference_, {});
  for (int i = 0; i < 4; ++i) see(judge, 128, 3);
  const std::string bytes = judge.bytes();
  VersionJudge wider(reference_, {.margin = 0.1});
  EXPECT_EQ(wider.restore(bytes).code(), Code::invalid_argument);
  std::vector<StreamReference> streams = reference_->streams;
  streams.pop_back();
  VersionJudge other(*seal_reference(std::move(streams)), {});
  EXPECT_EQ(other.restore(bytes).code(), Code::invalid_argument);
  EXPECT_EQ(other.figures().rows, 0U);
  VersionJudge fresh(reference_, {});
  for (std::size_t at = 0; at < bytes.size(); at += 211) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    EXPECT_FALSE(fresh.restore(damaged).ok()) << at;
    EXPECT_FALSE(fresh.restore(bytes.substr(0, at)).ok()) << at;
  }
  EXPECT_EQ(fresh.figures().rows, 0U);
}

TEST_F(VersionJudgeTest, ACellIsWhereTheKernelCounts) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> values{-infinity, infinity, NAN, -1e30F, 1e30F, 0, 0.1F, -2, 2};
  for (const float value : values) {
    RowCounter counter(reference_);
    counter.next_row()[0] = value;
    counter.next_row()[1] = std::isnan(value) ? NAN : value > 0 ? kNewCode : 2;
    const float code = counter.next_row()[1];
    counter.stage(1);
    counter.fold();
    CountsTable counts = reference_->empty_counts();
    counter.take(counts);
    EXPECT_EQ(counts[0].masses[cell_of(reference_->streams[0], value)], 1U) << value;
    EXPECT_EQ(counts[1].masses[cell_of(reference_->streams[1], code)], 1U) << code;
  }
  for (const float edge : reference_->streams[0].numeric.edges) {
    EXPECT_GT(cell_of(reference_->streams[0], edge),
              cell_of(reference_->streams[0], std::nextafter(edge, -infinity)));
  }
}

TEST_F(VersionJudgeTest, CellsHaveNames) {
  const StreamReference& carrier = reference_->streams[1];
  EXPECT_EQ(cell_name(carrier, 2), "2");
  EXPECT_EQ(cell_name(carrier, carrier.counts.bins), "missing");
  EXPECT_EQ(cell_name(carrier, carrier.counts.bins + 6), "new category");
  const StreamReference& distance = reference_->streams[0];
  EXPECT_EQ(cell_name(distance, 0).front(), '[');
  EXPECT_EQ(cell_name(distance, 0).back(), ')');
  EXPECT_EQ(cell_name(distance, 31).back(), ']');
}

}  // namespace
}  // namespace mlops
