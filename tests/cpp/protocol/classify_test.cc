#include "protocol/classify.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "support/requests.h"

namespace mlops {
namespace {

using testing::dense;
using testing::strings_of;

using Strings = std::vector<std::string>;

TEST(Classify, LargestFirstWithLabels) {
  const Tensor scores = dense<float>(DType::f32, Shape{2, 3}, {0.25F, -1, 9, 3, 2, 1});
  const Strings labels = {"cat", "dog"};
  const auto classes = classify(scores, 2, true, labels);
  ASSERT_TRUE(classes.ok());
  EXPECT_EQ(classes->shape, (Shape{2, 2}));
  EXPECT_EQ(classes->dtype, DType::bytes);
  EXPECT_EQ(strings_of(*classes),
            (Strings{"9.000000:2", "0.250000:0:cat", "3.000000:0:cat", "2.000000:1:dog"}));
}

TEST(Classify, WithoutABatchAllOfItIsOneRow) {
  const Tensor scores = dense<std::int64_t>(DType::i64, Shape{2, 2}, {1, 4, 3, 2});
  const auto classes = classify(scores, 9, false, {});
  ASSERT_TRUE(classes.ok());
  EXPECT_EQ(classes->shape, (Shape{4}));
  EXPECT_EQ(strings_of(*classes), (Strings{"4:1", "3:2", "2:3", "1:0"}));
}

TEST(Classify, NanComesLastAndInfinityIsANumber) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  const Tensor scores = dense<float>(DType::f32, Shape{1, 5}, {nan, -inf, nan, inf, 0});
  const auto classes = classify(scores, 5, true, {});
  ASSERT_TRUE(classes.ok());
  const Strings got = strings_of(*classes);
  EXPECT_EQ((Strings{got[0], got[1], got[2]}), (Strings{"inf:3", "0.000000:4", "-inf:1"}));
  EXPECT_TRUE(got[3].ends_with(":0") && got[4].ends_with(":2"));
}

TEST(Classify, AgreesWithAFullSort) {
  std::mt19937 random(5);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::int16_t> values(1 + random() % 300);
    for (auto& value : values) value = static_cast<std::int16_t>(random() % 64);
    const std::size_t wanted = 1 + random() % 20;
    std::vector<std::size_t> order(values.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::ranges::stable_sort(order, [&](auto a, auto b) { return values[a] > values[b]; });
    Strings expected;
    for (std::size_t i = 0; i < std::min(wanted, order.size()); ++i) {
      expected.push_back(std::to_string(values[order[i]]) + ":" + std::to_string(order[i]));
    }
    const Tensor scores =
        dense<std::int16_t>(DType::i16, Shape{1, static_cast<std::int64_t>(values.size())}, values);
    EXPECT_EQ(strings_of(*classify(scores, wanted, true, {})), expected);
  }
}

TEST(Classify, EmptyTensorsHaveNoClasses) {
  const auto none = classify(dense<float>(DType::f32, Shape{0, 3}, {}), 2, true, {});
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(none->shape, (Shape{0, 2}));
  const auto narrow = classify(dense<float>(DType::f32, Shape{3, 0}, {}), 2, true, {});
  ASSERT_TRUE(narrow.ok());
  EXPECT_EQ(narrow->shape, (Shape{3, 0}));
}

TEST(Classify, TooManyElementsOrResultsAreRefused) {
  const std::vector<std::uint8_t> many(kClassifiedElementsMax + 1);
  const auto size = static_cast<std::int64_t>(many.size());
  const auto wide = classify(dense(DType::u8, Shape{1, size}, many), 1, true, {});
  EXPECT_EQ(wide.status().message(), "classification output tensor too large");
  const auto tall = classify(dense(DType::u8, Shape{size, 1}, many), 1, true, {});
  EXPECT_EQ(tall.status().code(), Code::invalid_argument);
  EXPECT_FALSE(classify(dense<std::uint16_t>(DType::f16, Shape{1, 1}, {0}), 1, true, {}).ok());
}

}  // namespace
}  // namespace mlops
