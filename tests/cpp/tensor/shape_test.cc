#include "tensor/shape.h"

#include <gtest/gtest.h>

#include <limits>

#include "tensor/tensor.h"

namespace mlops {
namespace {

constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();

TEST(Shape, CountsElements) {
  EXPECT_EQ(Shape{}.elements(), 1);
  EXPECT_EQ((Shape{2, 3, 4}.elements()), 24);
  EXPECT_EQ((Shape{0, kHuge, kHuge}.elements()), 0);
  EXPECT_EQ((Shape{kHuge, 2}.elements()), std::nullopt);
  EXPECT_EQ((Shape{-1, 0}.elements()), std::nullopt);
}

TEST(Shape, RefusesTooManyAxes) {
  const std::vector<std::int64_t> dims(kMaxRank + 1, 1);
  EXPECT_FALSE(Shape::from(dims));
  EXPECT_TRUE(Shape::from(std::span(dims).first(kMaxRank)));
}

TEST(Shape, ComparesAndPrints) {
  EXPECT_EQ((Shape{1, 2}), (Shape{1, 2}));
  EXPECT_FALSE((Shape{1, 2}) == (Shape{1, 2, 1}));
  EXPECT_EQ((Shape{2, -1}.to_string()), "[2,-1]");
  EXPECT_EQ(Shape{}.to_string(), "[]");
}

TEST(DenseSize, KnowsOverflowAndStrings) {
  EXPECT_EQ(dense_size(DType::f32, Shape{2, 3}), 24U);
  EXPECT_EQ(dense_size(DType::bytes, Shape{2}), std::nullopt);
  EXPECT_EQ(dense_size(DType::i64, Shape{kHuge}), std::nullopt);
}

TEST(DType, NamesRoundTrip) {
  for (std::size_t i = 0; i < kDTypeCount; ++i) {
    const auto dtype = static_cast<DType>(i);
    EXPECT_EQ(dtype_from_kserve(kserve_name(dtype)), dtype);
  }
  EXPECT_FALSE(dtype_from_kserve("fp32"));
}

}  // namespace
}  // namespace mlops
