// Figures are of SciPy 1.17: chi2.sf, and kstwobign.sf after undoing the correction for few rows.
#include "observe/tail_laws.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace mlops {
namespace {

TEST(TailLaws, chi_squared_is_scipys) {
  struct Row {
    double x, df, tail;
  };
  for (const Row& row : {
           Row{0.5, 1, 0.47950012218695337},
           Row{3.84, 1, 0.05004352124870519},
           Row{31, 31, 0.46621250621750804},
           Row{80, 31, 3.3125285528482517e-06},
           Row{300, 31, 8.474810864884965e-46},
           Row{250, 255, 0.5766352636499277},
           Row{0.001, 2, 0.9995001249791693},
       }) {
    EXPECT_NEAR(chi_squared_tail(row.x, row.df) / row.tail, 1, 1e-10) << row.x << ' ' << row.df;
  }
}

TEST(TailLaws, kolmogorov_is_scipys_with_many_rows) {
  struct Row {
    double z, tail;
  };
  constexpr double kRows = 1e14;  // the correction is nothing
  for (const Row& row : {
           Row{0.5, 0.9639452436648751},
           Row{0.8, 0.5441424115741981},
           Row{1.36, 0.049485876755377876},
           Row{2, 0.0006709252557796953},
           Row{4, 2.532833109818835e-14},
       }) {
    EXPECT_NEAR(kolmogorov_tail(row.z / std::sqrt(kRows), kRows) / row.tail, 1, 1e-6) << row.z;
  }
}

TEST(TailLaws, nothing_seen_is_no_surprise) {
  EXPECT_EQ(chi_squared_tail(0, 5), 1);
  EXPECT_EQ(chi_squared_tail(5, 0), 1);
  EXPECT_EQ(chi_squared_tail(-1, 3), 1);
  EXPECT_EQ(kolmogorov_tail(0, 100), 1);
  EXPECT_EQ(kolmogorov_tail(0.5, 0), 1);
  EXPECT_EQ(kuiper_tail(0, 100), 1);
  EXPECT_EQ(cramer_von_mises_tail(0, 100, 100), 1);
  EXPECT_EQ(cramer_von_mises_tail(3, 0, 100), 1);
}

TEST(TailLaws, everything_else_is_a_probability_that_falls) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(chi_squared_tail(kInfinity, 3), 0);
  for (const double rows : {1.0, 2.0, 50.0, 1e6, 1e15}) {
    double last_ks = 1;
    double last_kuiper = 1;
    double last_chi = 1;
    for (int i = 0; i <= 100; ++i) {
      const double d = i / 100.0;
      const double ks = kolmogorov_tail(d, rows);
      const double kuiper = kuiper_tail(2 * d, rows);
      const double chi = chi_squared_tail(d * rows, 31);
      EXPECT_TRUE(ks <= last_ks + 1e-12 && ks >= 0) << d << ' ' << rows;
      EXPECT_TRUE(kuiper <= last_kuiper + 1e-12 && kuiper >= 0) << d << ' ' << rows;
      EXPECT_TRUE(chi <= last_chi + 1e-12 && chi >= 0) << d << ' ' << rows;
      last_ks = ks;
      last_kuiper = kuiper;
      last_chi = chi;
    }
  }
}

}  // namespace
}  // namespace mlops
