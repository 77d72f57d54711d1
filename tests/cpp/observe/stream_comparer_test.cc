// What the kernel finds is what the plain functions find, to rounding.

#include "observe/stream_comparer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "observe/reference_build.h"

namespace mlops::testing {
namespace {

void expect_near(double fast, double plain, double scale, const char* what) {
  EXPECT_NEAR(fast, plain, 1e-12 * std::max(scale, std::abs(plain))) << what;
}

void expect_equal(const StreamComparison& fast, const StreamComparison& plain) {
  EXPECT_EQ(fast.reference_rows, plain.reference_rows);
  EXPECT_EQ(fast.window_rows, plain.window_rows);
  EXPECT_EQ(fast.nominal.cells, plain.nominal.cells);
  expect_near(fast.nominal.psi, plain.nominal.psi, 1e-3, "psi");
  expect_near(fast.nominal.psi_debiased, plain.nominal.psi_debiased, 1e-3, "psi_debiased");
  expect_near(fast.nominal.js_divergence, plain.nominal.js_divergence, 1e-2, "js");
  expect_near(fast.nominal.hellinger, plain.nominal.hellinger, 1e-3, "hellinger");
  expect_near(fast.nominal.chi2, plain.nominal.chi2, 1, "chi2");
  expect_near(fast.nominal.g, plain.nominal.g, 1e-3 * static_cast<double>(plain.reference_rows),
              "g");
  expect_near(fast.nominal.cramers_v, plain.nominal.cramers_v, 1e-2, "cramers_v");
  expect_near(fast.nominal.linf, plain.nominal.linf, 1e-3, "linf");
  expect_near(fast.ordered.ks, plain.ordered.ks, 1e-3, "ks");
  expect_near(fast.ordered.ks_upper, plain.ordered.ks_upper, 1e-3, "ks_upper");
  expect_near(fast.ordered.kuiper, plain.ordered.kuiper, 1e-3, "kuiper");
  expect_near(fast.ordered.cvm, plain.ordered.cvm,
              static_cast<double>(plain.reference_rows + plain.window_rows), "cvm");
  expect_near(fast.ordered.ad, plain.ordered.ad, 1, "ad");
  expect_near(fast.ordered.w1, plain.ordered.w1, 1e-2, "w1");
  expect_near(fast.ordered.energy, plain.ordered.energy, 1e-2, "energy");
  EXPECT_EQ(fast.window_rates.missing, plain.window_rates.missing);
  EXPECT_EQ(fast.window_rates.out_of_range, plain.window_rates.out_of_range);
  EXPECT_EQ(fast.moments.mean_difference, plain.moments.mean_difference);
  expect_near(fast.w1_per_iqr, plain.w1_per_iqr, 1e-2, "w1_per_iqr");
}

StreamReference numeric_of(std::mt19937& random, std::uint32_t bins) {
  std::normal_distribution<float> normal;
  std::vector<float> values(500 + random() % 5000);
  for (float& value : values) value = normal(random);
  ReferenceOptions options;
  options.bins = bins;
  return numeric_reference({StreamRole::input, "x", 0, "x"}, values, options);
}

// Counts of some law near the reference's, with some cells empty and some rows in no bin.
StreamCounts window_of(std::mt19937& random, const StreamReference& stream, unsigned rows) {
  StreamCounts window(stream.counts.kind, stream.counts.bins);
  for (unsigned i = 0; i < rows; ++i)
    ++window.masses[random() % (stream.counts.bins + random() % 8)];
  window.moments = {rows, 1, static_cast<double>(rows), -3, 3};
  return window;
}

BinGeometry geometry_of(const StreamReference& stream) {
  const NumericBins& bins = stream.numeric;
  return {bins.edges, bins.quantiles, bins.min, bins.max};
}

TEST(StreamComparer, FindsWhatThePlainFunctionsFind) {
  std::mt19937 random(7);
  for (const std::uint32_t bins : {2U, 7U, 8U, 16U, 31U, 32U, 33U, 100U, 256U}) {
    for (const unsigned rows : {1U, 2U, 9U, 500U, 20'000U}) {
      const StreamReference stream = numeric_of(random, bins);
      const StreamCounts window = window_of(random, stream, rows);
      SCOPED_TRACE(::testing::Message() << bins << " bins, " << rows << " rows");
      expect_equal(StreamComparer(stream).compare(window),
                   compare_stream(stream.counts, window, geometry_of(stream)));
    }
  }
}

TEST(StreamComparer, NothingDiffersFromItself) {
  std::mt19937 random(8);
  const StreamReference stream = numeric_of(random, 32);
  const StreamComparison same = StreamComparer(stream).compare(stream.counts);
  EXPECT_NEAR(same.nominal.psi, 0, 1e-30);  // a product of two differences, each of rounding alone
  EXPECT_EQ(same.nominal.js_divergence, 0);
  EXPECT_EQ(same.nominal.hellinger, 0);
  EXPECT_EQ(same.nominal.chi2, 0);
  EXPECT_EQ(same.nominal.g, 0);
  EXPECT_EQ(same.nominal.linf, 0);
  EXPECT_EQ(same.ordered.ks, 0);
  EXPECT_EQ(same.ordered.w1, 0);
  EXPECT_EQ(same.ordered.energy, 0);
}

TEST(StreamComparer, NoRowsDifferFromNothing) {
  std::mt19937 random(9);
  const StreamReference stream = numeric_of(random, 32);
  const StreamCounts none(StreamKind::numeric, stream.counts.bins);
  expect_equal(StreamComparer(stream).compare(none),
               compare_stream(stream.counts, none, geometry_of(stream)));
  const StreamReference blank = numeric_reference({StreamRole::input, "x", 0, "x"}, {}, {});
  const StreamCounts window(StreamKind::numeric, blank.counts.bins);
  expect_equal(StreamComparer(blank).compare(window),
               compare_stream(blank.counts, window, geometry_of(blank)));
}

TEST(StreamComparer, CategoriesHaveNoOrder) {
  std::mt19937 random(10);
  StreamReference stream;
  stream.counts = StreamCounts(StreamKind::categorical, 11);
  for (std::uint64_t& mass : stream.counts.masses) mass = random() % 1000;
  const StreamCounts window = window_of(random, stream, 700);
  expect_equal(StreamComparer(stream).compare(window),
               compare_stream(stream.counts, window, BinGeometry()));
}

TEST(DistanceKernel, LogarithmsAreRightToTheLastPlaces) {
  const DistanceKernel* const kernel = distance_kernel();
  if (!kernel) GTEST_SKIP() << "no such instructions here";
  std::mt19937_64 random(11);
  std::uniform_real_distribution<double> exponent(-40, 60);
  double x[kCellStep];
  double found[kCellStep];
  for (int i = 0; i < 20'000; ++i) {
    for (double& value : x) value = std::exp2(exponent(random));
    x[0] = 1 + 1e-3 * (exponent(random) - 10);
    x[1] = 1;
    kernel->logs(x, found);
    EXPECT_EQ(found[1], 0);
    for (std::size_t k = 0; k < kCellStep; ++k) {
      const double exact = std::log(x[k]);
      const double unit = std::max(std::nextafter(std::abs(exact), 1e9) - std::abs(exact), 0x1p-53);
      ASSERT_NEAR(found[k], exact, 2 * unit) << x[k];
    }
  }
}

}  // namespace
}  // namespace mlops::testing
