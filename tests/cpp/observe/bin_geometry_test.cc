#include "observe/bin_geometry.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace mlops {
namespace {

// 0..8 evenly: four bins of width 2, quantiles at the middles of eight shares.
const std::array<float, 3> kEdges{2, 4, 6};
const std::array<float, 8> kEven{0.5F, 1.5F, 2.5F, 3.5F, 4.5F, 5.5F, 6.5F, 7.5F};

TEST(BinGeometry, integrates_straight_lines_over_even_bins) {
  const BinGeometry geometry(kEdges, kEven, 0, 8);
  ASSERT_EQ(geometry.bins(), 4U);
  EXPECT_DOUBLE_EQ(geometry.interquartile_range(), 4);
  EXPECT_DOUBLE_EQ(geometry.integral_of_absolute(1, 0.5, 0.5), 1);
  EXPECT_DOUBLE_EQ(geometry.integral_of_absolute(1, 0, -1), 1);
  EXPECT_DOUBLE_EQ(geometry.integral_of_absolute(1, -1, 1), 1);  // twice a triangle
  EXPECT_DOUBLE_EQ(geometry.integral_of_square(1, 1, 1), 2);
  EXPECT_DOUBLE_EQ(geometry.integral_of_square(1, -1, 1), 2.0 / 3);
}

TEST(BinGeometry, end_bins_end_at_the_outer_quantiles) {
  const BinGeometry geometry(kEdges, kEven, 0, 8);
  EXPECT_DOUBLE_EQ(geometry.lower_limit(), 0.5);
  EXPECT_DOUBLE_EQ(geometry.integral_of_absolute(0, 1, 1), 1.5);
  EXPECT_DOUBLE_EQ(geometry.integral_of_absolute(3, 1, 1), 1.5);
  const BinGeometry dirty(kEdges, kEven, -1e6F, 1e6F);
  EXPECT_DOUBLE_EQ(dirty.integral_of_absolute(3, 1, 1), 1.5);
}

TEST(BinGeometry, a_value_that_fills_its_bin_steps_at_its_left_edge) {
  const std::array<float, 1> edge{3};
  const std::array<float, 8> quantiles{1, 1, 1, 1, 1, 1, 1, 3};  // bin 0: ones; bin 1: threes
  const BinGeometry geometry(edge, quantiles, 1, 3);
  // Half a step of the quantiles is as near as they tell.
  EXPECT_NEAR(geometry.integral_of_absolute(0, 0, 0.25), 0.5, 0.25 * 2 / 8);
}

TEST(BinGeometry, of_nothing_or_of_one_value_is_nothing) {
  EXPECT_EQ(BinGeometry().bins(), 0U);
  EXPECT_EQ(BinGeometry({}, {}, 0, 0).bins(), 0U);
  const std::array<float, 4> same{5, 5, 5, 5};
  const BinGeometry one({}, same, 5, 5);
  ASSERT_EQ(one.bins(), 1U);
  EXPECT_EQ(one.interquartile_range(), 0);
  EXPECT_EQ(one.integral_of_absolute(0, 1, -1), 0);
  EXPECT_EQ(one.integral_of_square(0, 1, -1), 0);
}

}  // namespace
}  // namespace mlops
