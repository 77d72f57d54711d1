#include "observe/drift_class.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

namespace mlops {
namespace {

using Draw = std::function<float(std::mt19937_64&)>;

std::vector<float> rows_of(const Draw& draw, std::size_t rows, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<float> x(rows);
  for (float& value : x) value = draw(random);
  return x;
}

void count_into(const StreamBefore& before, const std::vector<float>& x, StreamCounts& to) {
  for (const float value : x) {
    if (std::isnan(value)) {
      ++to.own(OwnMass::missing);
      continue;
    }
    if (std::isinf(value)) {
      ++to.own(value > 0 ? OwnMass::positive_infinity : OwnMass::negative_infinity);
      continue;
    }
    to.moments.n += 1;
    to.moments.sum += value;
    to.moments.sum2 += static_cast<double>(value) * value;
    if (value < before.min || value > before.max) {
      ++to.own(value < before.min ? OwnMass::below_range : OwnMass::above_range);
    } else {
      ++to.masses[static_cast<std::size_t>(std::ranges::upper_bound(before.edges, value) -
                                           before.edges.begin())];
    }
  }
}

StreamBefore before_of(const Draw& draw) {
  StreamBefore before;
  const std::vector<float> x = rows_of(draw, 20'000, 1);
  std::vector<float> sorted = x;
  std::ranges::sort(sorted);
  before.min = sorted.front();
  before.max = sorted.back();
  for (std::size_t k = 1; k < 32; ++k) {
    const float edge = sorted[sorted.size() * k / 32];
    if (edge > (before.edges.empty() ? before.min : before.edges.back())) {
      before.edges.push_back(edge);
    }
  }
  for (std::size_t i = 0; i < 256; ++i) {
    before.quantiles.push_back(sorted[sorted.size() * (2 * i + 1) / 512]);
  }
  before.counts =
      StreamCounts(StreamKind::numeric, static_cast<std::uint32_t>(before.edges.size() + 1));
  count_into(before, x, before.counts);
  return before;
}

DriftCause cause_of(const Draw& was, const Draw& is) {
  const StreamBefore before = before_of(was);
  StreamCounts now(StreamKind::numeric, before.counts.bins);
  count_into(before, rows_of(is, 600, 2), now);
  return likely_cause(before, now);
}

float normal(std::mt19937_64& random) { return std::normal_distribution<float>()(random); }
float miles(std::mt19937_64& random) {
  return 200 + std::gamma_distribution<float>(3, 300)(random);
}
// `value` in one of `in` rows.
Draw sometimes(const Draw& draw, float value, unsigned in) {
  return [=](std::mt19937_64& random) { return random() % in == 0 ? value : draw(random); };
}

TEST(DriftClass, of_numbers) {
  struct Row {
    Draw was, is;
    DriftClass kind;
  };
  const auto times = [](const Draw& draw, float by) {
    return [=](std::mt19937_64& random) { return by * draw(random); };
  };
  const auto plus = [](const Draw& draw, float by) {
    return [=](std::mt19937_64& random) { return by + draw(random); };
  };
  const std::array rows{
      Row{normal, sometimes(normal, NAN, 3), DriftClass::missing},
      Row{normal, sometimes(normal, NAN, 1), DriftClass::missing},
      Row{normal, sometimes(normal, INFINITY, 5), DriftClass::infinite},
      Row{miles, times(miles, 1.609344F), DriftClass::unit},
      Row{miles, times(miles, 1000), DriftClass::unit},
      Row{plus(normal, 3), times(plus(normal, 3), -1), DriftClass::unit},
      Row{normal, plus(normal, 0.5F), DriftClass::shift},
      Row{normal, plus(normal, -4), DriftClass::shift},
      Row{normal, times(normal, 1.3F), DriftClass::spread},
      Row{normal, times(normal, 0.7F), DriftClass::spread},
      Row{normal, sometimes(normal, 0.3F, 2), DriftClass::spike},
      Row{normal, sometimes(normal, 5, 1), DriftClass::spike},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(name_of(cause_of(row.was, row.is).kind), name_of(row.kind)) << &row - rows.data();
  }
  EXPECT_NEAR(cause_of(miles, times(miles, 1.609344F)).factor, 1.609344, 1e-6);
  EXPECT_NEAR(cause_of(miles, times(miles, 1 / 1.609344F)).factor, 1 / 1.609344, 1e-6);
  EXPECT_NEAR(cause_of(normal, plus(normal, 0.5F)).shift_sigma, 0.5, 0.15);
}

// As precipitation is: a window of fine weather looks like rain in any smaller unit to the bins.
float rain(std::mt19937_64& random) {
  return random() % 14 == 0 ? std::exponential_distribution<float>(20)(random) : 0;
}

TEST(DriftClass, of_a_stream_that_is_mostly_one_value) {
  const auto rarer = [](std::mt19937_64& random) { return random() % 3 ? 0.0F : rain(random); };
  const auto inches = [](std::mt19937_64& random) { return 25.4F * rain(random); };
  EXPECT_EQ(cause_of(rain, sometimes(rain, 0, 1)).kind, DriftClass::spike);
  EXPECT_NE(cause_of(rain, rarer).kind, DriftClass::unit);
  EXPECT_EQ(cause_of(rain, inches).kind, DriftClass::unit);
  EXPECT_NEAR(std::log(cause_of(rain, inches).factor / 25.4), 0, 0.4);
  EXPECT_NEAR(cause_of(miles, [](std::mt19937_64& random) { return 1000 * miles(random); }).factor,
              1000, 1e-6);
}

TEST(DriftClass, of_categories) {
  StreamBefore before;
  before.counts = StreamCounts(StreamKind::categorical, 4);
  before.counts.masses = {400, 300, 200, 100, 0, 0, 0, 0, 0, 0, 0};
  StreamCounts now = before.counts;
  now.own(OwnMass::new_category) = 80;
  EXPECT_EQ(likely_cause(before, now).kind, DriftClass::new_category);
  // A few rows of it among a few hundred that waver by themselves.
  now.masses = {120, 100, 50, 38, 0, 0, 0, 0, 0, 0, 5};
  EXPECT_EQ(likely_cause(before, now).kind, DriftClass::new_category);
  now = before.counts;
  now.masses[3] = 2000;
  EXPECT_EQ(likely_cause(before, now).kind, DriftClass::spike);
  now = before.counts;
  now.masses = {100, 200, 300, 400, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(likely_cause(before, now).kind, DriftClass::shape);
}

TEST(DriftClass, of_nothing_is_shape) {
  const StreamBefore empty;
  EXPECT_EQ(likely_cause(empty, empty.counts).kind, DriftClass::shape);
}

TEST(DriftClass, faults_of_the_data_are_not_for_retraining) {
  EXPECT_TRUE(is_data_fault(DriftClass::missing));
  EXPECT_TRUE(is_data_fault(DriftClass::unit));
  EXPECT_FALSE(is_data_fault(DriftClass::shift));
}

}  // namespace
}  // namespace mlops
