#include "observe/segments.h"

#include <gtest/gtest.h>

#include <numeric>

#include "observe/drift_observer.h"
#include "observe/drift_values.h"
#include "observe/profile_bytes.h"
#include "observe/segment_shares.h"
#include "support/fake_clock.h"
#include "support/requests.h"

namespace mlops::testing {
namespace {

using drift_test::kInf;
using drift_test::kNaN;
using drift_test::wild_value;

constexpr std::size_t kColumns = 3;  // two of numbers, and a code

// Rows of which the first column depends on the code: its mean is the code.
std::vector<float> some_rows(std::size_t rows, std::mt19937_64& random, float moved = 0) {
  std::normal_distribution<float> normal;
  std::vector<float> values;
  for (std::size_t i = 0; i < rows; ++i) {
    const auto code = static_cast<float>(random() % 4);
    values.push_back(normal(random) + code + (code == 2 ? moved : 0));
    values.push_back(normal(random));
    values.push_back(code);
  }
  return values;
}

// The reference of rows, told apart by ranges of the second column and by the code.
ReferencePtr reference_of(const std::vector<float>& rows) {
  std::vector<std::vector<float>> columns(kColumns);
  for (std::size_t i = 0; i < rows.size(); ++i) columns[i % kColumns].push_back(rows[i]);
  std::vector<StreamReference> streams;
  for (std::uint32_t c = 0; c < 2; ++c) {
    streams.push_back(
        numeric_reference({StreamRole::input, "in", c, c == 0 ? "x" : "y"}, columns[c], {}));
  }
  const std::vector<double> codes(columns[2].begin(), columns[2].end());
  streams.push_back(number_categories({StreamRole::input, "in", 2, "code"}, codes, {}));
  auto blank = std::make_shared<Reference>();
  blank->streams = streams;
  blank->segmentations = *plan_segments(streams, {{2, {}, 3}, {1, {-0.5F, 0.5F}, 0}});
  SegmentCounter counter(blank);
  const CategoryCodes code_of(streams[2].categories);
  for (std::size_t i = 0; i < rows.size(); i += kColumns) {
    const float row[] = {rows[i], rows[i + 1], code_of.code_of(static_cast<double>(rows[i + 2]))};
    counter.add(row, 1, kColumns);
  }
  SegmentCounts counts = empty_segments(*blank);
  counter.take(counts);
  std::vector<Segmentation> segmentations = blank->segmentations;
  std::size_t at = 0;
  for (Segmentation& by : segmentations) {
    for (CountsTable& table : by.counts) table = counts[at++];
  }
  Result<ReferencePtr> sealed = seal_reference(std::move(streams), std::move(segmentations));
  EXPECT_TRUE(sealed.ok()) << sealed.status().to_string();
  return *sealed;
}

ReferencePtr any_reference() {
  std::mt19937_64 random(5);
  return reference_of(some_rows(20'000, random));
}

TEST(Segments, RangesAreClosedOnTheirLeftAndMissingIsApart) {
  const Segmentation by{0, {1, 2}, 0, {}};
  EXPECT_EQ(by.size(), 4U);
  for (const auto& [value, segment] : {std::pair(0.5F, 0U),
                                       {1.0F, 1U},
                                       {1.5F, 1U},
                                       {2.0F, 2U},
                                       {kInf, 2U},
                                       {-kInf, 0U},
                                       {kNaN, 3U}}) {
    EXPECT_EQ(segment_of(by, value), segment) << value;
  }
  const Segmentation codes{0, {}, 2, {}};
  for (const auto& [value, segment] : {std::pair(0.0F, 0U),
                                       {1.0F, 1U},
                                       {2.0F, 2U},
                                       {kOtherCode, 2U},
                                       {kNewCode, 2U},
                                       {kNaN, 3U}}) {
    EXPECT_EQ(segment_of(codes, value), segment) << value;
  }
}

TEST(Segments, HaveNames) {
  const ReferencePtr reference = any_reference();
  std::vector<std::string> names;
  for (std::size_t i = 0; i < segments_of(*reference); ++i) {
    names.push_back(segment_name(*reference, i));
  }
  ASSERT_EQ(names.size(), 4U + 5U);
  EXPECT_EQ(names[0], "y < -0.5");
  EXPECT_EQ(names[1], "y [-0.5, 0.5)");
  EXPECT_EQ(names[2], "y >= 0.5");
  EXPECT_EQ(names[3], "y: missing");
  EXPECT_EQ(names[4].substr(0, 7), "code = ");
  EXPECT_EQ(names[7], "code: other");
  EXPECT_EQ(names[8], "code: missing");
}

TEST(Segments, AddUpToTheWholeToTheBit) {
  std::mt19937_64 random(6);
  const ReferencePtr reference = any_reference();
  RowCounter whole(reference);
  SegmentCounter apart(reference);
  for (int i = 0; i < 3'000; ++i) {
    float* const row = whole.next_row();
    row[0] = wild_value(random, 0);
    row[1] = wild_value(random, 1);
    row[2] = i % 7 == 0 ? kNaN : static_cast<float>(i % 4);
    apart.add(row, 1, whole.stride());
    whole.stage(1);
    if (whole.free_rows() == 0) whole.fold();
  }
  whole.fold();
  CountsTable expected = reference->empty_counts();
  whole.take(expected);
  SegmentCounts counts = empty_segments(*reference);
  apart.take(counts);
  std::size_t first = 0;
  for (const Segmentation& by : reference->segmentations) {
    CountsTable sum = reference->empty_counts();
    for (std::size_t i = 0; i < by.size(); ++i) {
      for (std::size_t c = 0; c < kColumns; ++c) sum[c].add(counts[first + i][c]);
    }
    for (std::size_t c = 0; c < kColumns; ++c) {
      EXPECT_EQ(sum[c].masses, expected[c].masses);
      EXPECT_EQ(sum[c].moments.n, expected[c].moments.n);
      EXPECT_EQ(sum[c].moments.min, expected[c].moments.min);
      EXPECT_EQ(sum[c].moments.max, expected[c].moments.max);
    }
    first += by.size();
  }
}

TEST(Segments, AreReadBackAsWritten) {
  const ReferencePtr reference = any_reference();
  const std::string bytes = profile_bytes({reference, {}});
  EXPECT_EQ(bytes[8], 2);
  const Result<Profile> again = read_profile(bytes);
  ASSERT_TRUE(again.ok()) << again.status().to_string();
  EXPECT_EQ(again->reference->segmentations, reference->segmentations);
  EXPECT_EQ(again->reference->id, reference->id);
  for (std::size_t i = 0; i < bytes.size(); i += 11) {
    EXPECT_FALSE(read_profile(bytes.substr(0, i)).ok());
  }
}

TEST(Segments, AReferenceWithoutSomeIsWrittenAsVersion1) {
  const ReferencePtr reference = *seal_reference(any_reference()->streams);
  EXPECT_EQ(profile_bytes({reference, {}})[8], 1);
}

TEST(Segments, ThatDoNotAddUpAreRefused) {
  const ReferencePtr reference = any_reference();
  std::vector<Segmentation> changed = reference->segmentations;
  changed[0].counts[0][0].masses[3] += 1;
  changed[0].counts[0][0].moments.n += 1;
  EXPECT_FALSE(seal_reference(reference->streams, changed).ok());
}

TEST(Segments, TooManyOrSenselessOnesAreRefused) {
  const std::vector<StreamReference> streams = any_reference()->streams;
  const auto refused = [&](std::vector<SegmentWish> wishes) {
    return !plan_segments(streams, wishes).ok();
  };
  EXPECT_FALSE(refused({{0, {1}, 0}, {2, {}, 0}}));
  EXPECT_TRUE(refused({{3, {1}, 0}}));
  EXPECT_TRUE(refused({{0, {}, 0}}));
  EXPECT_TRUE(refused({{2, {1}, 0}}));
  EXPECT_TRUE(refused({{0, {2, 1}, 0}}));
  EXPECT_TRUE(refused({{0, {1, 1}, 0}}));
  EXPECT_TRUE(refused({{0, {1, kNaN}, 0}}));
  EXPECT_TRUE(refused({{0, {1}, 0}, {0, {2}, 0}}));
  std::vector<float> many(kSegmentsMax);
  std::iota(many.begin(), many.end(), 0.0F);
  EXPECT_TRUE(refused({{0, many, 0}}));
}

// A server's lane and judge: rows of one code move, and the alert says which.
TEST(Segments, AnAlertSaysWhichSegmentItsChangeIsIn) {
  FakeClock clock;
  std::mt19937_64 random(7);
  const Signature signature{{spec("in", DType::f32, {kAnySize, 3})}, {}};
  const std::shared_ptr<DriftObserver> shared =
      *DriftObserver::create(signature, signature, any_reference());
  LaneObserver lane(shared, clock);
  const auto observe = [&](float moved) {
    const Tensor in = dense(DType::f32, {256, 3}, some_rows(256, random, moved));
    lane.observe({{&in, 1}, {}, 256}, clock.now());
    lane.settle();
    clock.advance(std::chrono::seconds(1));
    return shared->judge(clock.now()).events;
  };
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(observe(0).empty());
  std::vector<NumberedEvent> events;
  for (int i = 0; i < 20 && events.empty(); ++i) events = observe(3);
  ASSERT_FALSE(events.empty());
  const DriftAlert& alert = *events[0].event.alert;
  EXPECT_EQ(alert.stream, 0U);
  ASSERT_FALSE(alert.segments.empty());
  const Reference& reference = *shared->epoch()->reference;
  const SegmentShare& most = alert.segments[0];
  // The code may be any of the three that are told apart, or among the others.
  const bool apart = segment_name(reference, most.segment) == "code = 2";
  EXPECT_TRUE(apart || segment_name(reference, most.segment) == "code: other");
  EXPECT_GT(most.share, 0.8);
  EXPECT_NEAR(most.before, 0.25, 0.02);
  EXPECT_NEAR(most.now, 0.25, 0.1);
  EXPECT_GT(most.psi_debiased, 10 * alert.psi_debiased / 4);
}

TEST(SegmentShares, AddUpToOne) {
  std::mt19937_64 random(8);
  std::vector<StreamCounts> before(3, StreamCounts(StreamKind::numeric, 8));
  std::vector<StreamCounts> now = before;
  for (std::size_t s = 0; s < 3; ++s) {
    for (std::uint64_t& mass : before[s].masses) mass = 1000 + random() % 1000;
    for (std::uint64_t& mass : now[s].masses) mass = random() % 100;
  }
  double sum = 0;
  double rows = 0;
  for (const SegmentShare& share : segment_shares(before, now, 0)) {
    sum += share.share;
    rows += share.now;
  }
  EXPECT_NEAR(sum, 1, 1e-12);
  EXPECT_NEAR(rows, 1, 1e-12);
}

// More rows of a segment are a change of the whole though no row changed.
TEST(SegmentShares, ASegmentThatGrewHasAShareAndNoEffect) {
  std::vector<StreamCounts> before(2, StreamCounts(StreamKind::numeric, 2));
  before[0].masses[0] = 90'000;
  before[1].masses[1] = 10'000;
  std::vector<StreamCounts> now = before;
  now[1].masses[1] = 50'000;
  const std::vector<SegmentShare> shares = segment_shares(before, now, 4);
  EXPECT_EQ(shares[1].segment, 5U);
  EXPECT_GT(shares[1].share, 0.5);
  EXPECT_LT(shares[1].psi_debiased, 1e-3);
}

}  // namespace
}  // namespace mlops::testing
