#include "observe/stream_sketches.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "observe/drift_values.h"
#include "observe/reference_build.h"

namespace mlops {
namespace {

using drift_test::kInf;
using drift_test::kNaN;

constexpr double kRankError = 0.014;  // what quantile_sketch.h says of 99 sketches in 100

QuantileSketch sketch_of(std::span<const float> values) {
  QuantileSketch sketch;
  for (const float value : values) sketch.add(value);
  return sketch;
}

// The worst of some quantiles: how far the share of rows below and at it is from its level.
double worst_rank(const QuantileSketch& sketch, std::vector<float> rows) {
  std::ranges::sort(rows);
  const auto all = static_cast<double>(rows.size());
  double worst = 0;
  for (int percent = 1; percent < 100; percent += 7) {
    const float value = sketch.quantile(percent / 100.0);
    // std::ranges::equal_range gives a subrange, which clang 14 cannot take apart.
    const auto [first, last] = std::equal_range(rows.begin(), rows.end(), value);
    const double below = static_cast<double>(first - rows.begin()) / all;
    const double upto = static_cast<double>(last - rows.begin()) / all;
    worst = std::max({worst, below - percent / 100.0, percent / 100.0 - upto});
  }
  return worst;
}

std::vector<float> drawn(std::size_t rows, unsigned seed) {
  std::mt19937 random(seed);
  std::lognormal_distribution<float> tail(0, 2);
  std::vector<float> values(rows);
  std::ranges::generate(values, [&] { return tail(random); });
  return values;
}

TEST(QuantileSketch, RanksAreWithinTheBoundWhateverTheOrder) {
  std::vector<float> shuffled = drawn(20'000, 1);
  std::vector<float> sorted = shuffled;
  std::ranges::sort(sorted);
  std::vector<float> reversed(sorted.rbegin(), sorted.rend());
  std::vector<float> ties(20'000);
  for (std::size_t i = 0; i < ties.size(); ++i) ties[i] = static_cast<float>(i % 7);
  for (const std::vector<float>& rows : {shuffled, sorted, reversed, ties}) {
    const QuantileSketch sketch = sketch_of(rows);
    EXPECT_LT(worst_rank(sketch, rows), kRankError);
    EXPECT_EQ(sketch.rows(), rows.size());
    EXPECT_EQ(sketch.quantile(0), std::ranges::min(rows));
    EXPECT_EQ(sketch.quantile(1), std::ranges::max(rows));
    EXPECT_LT(sketch.kept(), 750U);
  }
}

TEST(QuantileSketch, FewerRowsThanItKeepsAreExact) {
  const std::vector<float> rows = drawn(150, 2);
  EXPECT_LE(worst_rank(sketch_of(rows), rows), 1e-12);
  EXPECT_EQ(sketch_of(rows).rank(std::ranges::max(rows)), 1);
  EXPECT_EQ(sketch_of(rows).rank(-1), 0);
}

// The bound is of 99 sketches in 100, and the draws are the same every time.
TEST(QuantileSketch, PartsMergeInAnyGrouping) {
  int outside = 0;
  for (unsigned seed = 0; seed < 2; ++seed) {
    const std::vector<float> rows = drawn(10'000, seed);
    std::vector<QuantileSketch> parts;
    for (std::size_t at = 0; at < rows.size(); at += 500) {
      parts.push_back(sketch_of(std::span(rows).subspan(at, 500)));
    }
    QuantileSketch chain;
    for (const QuantileSketch& part : parts) chain.merge(part);
    while (parts.size() > 1) {  // a tree
      std::vector<QuantileSketch> next;
      for (std::size_t i = 0; i < parts.size(); i += 2) {
        next.push_back(parts[i]);
        if (i + 1 < parts.size()) next.back().merge(parts[i + 1]);
      }
      parts.swap(next);
    }
    for (const QuantileSketch& whole : {chain, parts.front()}) {
      EXPECT_EQ(whole.rows(), rows.size());
      outside += worst_rank(whole, rows) >= kRankError;
    }
  }
  EXPECT_EQ(outside, 0);
}

// A thousand replicas that begin alike must not all round the same way.
TEST(QuantileSketch, ErrorsOfPartsCancel) {
  std::mt19937 random(5);
  std::uniform_real_distribution<float> flat(0, 1);
  double error = 0;
  constexpr int kParts = 100;
  for (int part = 0; part < kParts; ++part) {
    QuantileSketch sketch;
    std::uint64_t below = 0;
    for (int i = 0; i < 700; ++i) {
      const float value = flat(random);
      below += value <= 0.5F;
      sketch.add(value);
    }
    error += sketch.rank(0.5F) - static_cast<double>(below) / 700;
  }
  // One is off by some rows of 700; the mean of many by a small part of that.
  EXPECT_LT(std::abs(error / kParts), 1.0 / 700);
}

TEST(QuantileSketch, NoValuesInfinitiesAndItself) {
  QuantileSketch sketch;
  sketch.add(kNaN);
  EXPECT_EQ(sketch.rows(), 0U);
  EXPECT_TRUE(std::isnan(sketch.quantile(0.5)));
  EXPECT_TRUE(std::isnan(sketch.rank(1)));
  for (const float value : {-kInf, 1.0F, kInf}) sketch.add(value);
  EXPECT_EQ(sketch.quantile(0), -kInf);
  EXPECT_EQ(sketch.quantile(0.5), 1);
  EXPECT_EQ(sketch.quantile(1), kInf);
  sketch.merge(sketch);
  EXPECT_EQ(sketch.rows(), 6U);
  EXPECT_NEAR(sketch.rank(1), 2.0 / 3, 1e-12);
}

TEST(DistinctSketch, EstimatesAreWithinFiveStandardErrors) {
  EXPECT_EQ(DistinctSketch().estimate(), 0);
  for (const int count : {1, 10, 100, 1'000, 50'000}) {
    DistinctSketch numbers, texts;
    for (int twice = 0; twice < 2; ++twice) {
      for (int i = 0; i < count; ++i) numbers.add(i * 0.25);
      for (int i = 0; i < count; ++i) texts.add(std::to_string(i));
    }
    for (const DistinctSketch& sketch : {numbers, texts}) {
      EXPECT_NEAR(sketch.estimate(), count, std::max(0.5, 5 * 0.0163 * count)) << count;
    }
  }
}

TEST(DistinctSketch, MergingIsTheUnionToTheBit) {
  DistinctSketch odd, even, all;
  for (int i = 0; i < 5'000; ++i) {
    (i % 2 == 0 ? even : odd).add(i);
    all.add(i);
  }
  all.add(-0.0);  // is 0.0
  all.add(kNaN);
  DistinctSketch there = odd, back = even;
  there.merge(even);
  back.merge(odd);
  EXPECT_EQ(there, all);
  EXPECT_EQ(back, all);
  back.merge(back);
  EXPECT_EQ(back, all);
}

TEST(FrequentValues, AreExactWhileThereAreFew) {
  FrequentValues values;
  values.add("b");
  values.add("a", 3);
  values.add("c");
  values.add("a", 0);
  ASSERT_EQ(values.values().size(), 3U);
  EXPECT_EQ(values.values()[0].text, "a");
  EXPECT_EQ(values.values()[0].least, 3U);
  EXPECT_EQ(values.values()[1].text, "b");
  EXPECT_EQ(values.error(), 0U);
  EXPECT_EQ(values.rows(), 5U);
  FrequentValues cut;
  cut.add(std::string(5'000, 'x'));
  EXPECT_EQ(cut.values().front().text.size(), 1024U);
}

TEST(FrequentValues, WhatIsFrequentIsKeptWithinTheBoundHoweverItWasMerged) {
  std::mt19937 random(3);
  std::map<std::string, std::uint64_t> exact;
  std::vector<FrequentValues> parts(20);
  for (int i = 0; i < 20'000; ++i) {
    // Zipf-like: a tail of thousands of values, and some that are most of it.
    const double u = std::uniform_real_distribution<double>(0, 1)(random);
    const std::string text = "v" + std::to_string(static_cast<int>(std::pow(5'000, u)));
    ++exact[text];
    parts[i % parts.size()].add(text);
  }
  FrequentValues chain, halves[2];
  for (const FrequentValues& part : parts) chain.merge(part);
  for (std::size_t i = 0; i < parts.size(); ++i) halves[i % 2].merge(parts[i]);
  halves[0].merge(halves[1]);
  for (const FrequentValues& whole : {chain, halves[0]}) {
    EXPECT_EQ(whole.rows(), 20'000U);
    EXPECT_GT(whole.error(), 0U);
    EXPECT_LE(whole.error(), whole.rows() / 65);
    std::map<std::string, std::uint64_t> said;
    for (const FrequentValues::Value& value : whole.values()) said[value.text] = value.least;
    for (const auto& [text, rows] : exact) {
      EXPECT_LE(said[text], rows);
      EXPECT_GE(said[text] + whole.error(), rows) << text;
    }
  }
}

ReferencePtr flights() {
  std::vector<std::string_view> carriers = {"UA", "DL", "UA", "AA", "DL", "UA"};
  std::vector<double> codes = {1, 2, 2, 3};
  const std::vector<float> miles = {100, 200, 300, 400};
  std::vector<StreamReference> streams;
  streams.push_back(numeric_reference({StreamRole::input, "x", 0, "miles"}, miles, {}));
  streams.push_back(string_categories({StreamRole::input, "c", 0, "carrier"}, carriers, {}));
  streams.push_back(number_categories({StreamRole::input, "x", 1, "code"}, codes, {}));
  return *seal_reference(std::move(streams));
}

StreamSketches seen(const Reference& reference, int rows) {
  StreamSketches sketches(reference);
  const Categories& carriers = reference.streams[1].categories;
  const CategoryCodes carrier_codes(carriers);
  const CategoryCodes number_codes(reference.streams[2].categories);
  for (int i = 0; i < rows; ++i) {
    sketches.streams[0].add(i % 5 == 0 ? kNaN : static_cast<float>(i));
    const std::string carrier = i % 3 == 0 ? "ZZ" : "UA";
    sketches.streams[1].add(carrier, carriers, carrier_codes.code_of(std::string_view(carrier)));
    const double code = i % 4;  // 0 is new
    sketches.streams[2].add(code, reference.streams[2].categories, number_codes.code_of(code));
  }
  return sketches;
}

TEST(StreamSketches, NameWhatTheReferenceDoesNotHave) {
  const StreamSketches sketches = seen(*flights(), 600);
  EXPECT_EQ(sketches.streams[0].rows, 480U);
  const auto fresh = sketches.streams[1].new_categories.values();
  ASSERT_EQ(fresh.size(), 1U);
  EXPECT_EQ(fresh[0].text, "ZZ");
  EXPECT_EQ(fresh[0].least, 200U);
  EXPECT_NEAR(sketches.streams[1].distinct.estimate(), 2, 0.1);
  ASSERT_EQ(sketches.streams[2].new_categories.values().size(), 1U);
  EXPECT_EQ(sketches.streams[2].new_categories.values()[0].text, "0");
}

TEST(StreamSketches, BytesAreReadBackAndDamageIsRefused) {
  const StreamSketches sketches = seen(*flights(), 1'200);
  const std::string bytes = sketch_bytes(sketches);
  const Result<StreamSketches> read = read_sketches(bytes);
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(*read, sketches);
  EXPECT_EQ(sketch_bytes(*read), bytes);
  for (std::size_t size = 0; size < bytes.size(); size += 1 + size / 16) {
    EXPECT_FALSE(read_sketches(std::string_view(bytes).substr(0, size)).ok()) << size;
  }
  std::string flipped = bytes;
  for (std::size_t at = 0; at < bytes.size(); at += 1 + at / 16) {
    flipped[at] ^= 4;
    EXPECT_FALSE(read_sketches(flipped).ok()) << at;
    flipped[at] ^= 4;
  }
  std::string later = bytes;
  later[8] = 9;
  EXPECT_EQ(read_sketches(later).status().code(), Code::unimplemented);
}

// Written by the version that first had them; later ones read it.
TEST(StreamSketches, TheFirstVersionIsReadByAllLater) {
  std::ifstream file(MLOPS_TEST_PROFILES "/version1.sketches", std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), {});
  const Result<StreamSketches> read = read_sketches(bytes);
  ASSERT_TRUE(read.ok()) << read.status().message();
  ASSERT_EQ(read->streams.size(), 3U);
  EXPECT_EQ(read->streams[0].rows, 1'200U);
  EXPECT_FLOAT_EQ(read->streams[0].quantiles.quantile(0.5), 520.89691F);
  EXPECT_FLOAT_EQ(read->streams[0].quantiles.max(), 22'104.961F);
  EXPECT_NEAR(read->streams[2].distinct.estimate(), 4.0019, 1e-3);
  ASSERT_EQ(read->streams[1].new_categories.values().size(), 1U);
  EXPECT_EQ(read->streams[1].new_categories.values()[0].least, 300U);
}

TEST(StreamSketches, OnlySketchesOfOneReferenceMerge) {
  const ReferencePtr reference = flights();
  StreamSketches sketches = seen(*reference, 100);
  ASSERT_TRUE(sketches.merge(seen(*reference, 50)).ok());
  EXPECT_EQ(sketches.streams[1].rows, 150U);
  EXPECT_EQ(sketches.streams[0].quantiles.rows(), 120U);
  StreamSketches other = sketches;
  other.reference_id[0] = other.reference_id[0] == 'a' ? 'b' : 'a';
  EXPECT_FALSE(sketches.merge(other).ok());
  other = sketches;
  other.streams.pop_back();
  EXPECT_FALSE(sketches.merge(other).ok());
}

}  // namespace
}  // namespace mlops
