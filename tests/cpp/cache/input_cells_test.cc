// Keys in steps: values of a cell share one, others do not, and nothing that is no number is taken
// for one.

#include "cache/input_cells.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "cache/key.h"
#include "support/requests.h"

namespace mlops::testing {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

std::vector<std::uint64_t> cells_of(DType dtype, const Tensor& tensor, double width) {
  std::vector<std::uint64_t> words;
  encode_cells(dtype, tensor.bytes, width, [&](std::uint64_t word) { words.push_back(word); });
  return words;
}

std::vector<std::uint64_t> cell(double value, double width) {
  return cells_of(DType::f64, dense<double>(DType::f64, {1}, {value}), width);
}

std::vector<std::uint64_t> cell(float value, double width) {
  return cells_of(DType::f32, dense<float>(DType::f32, {1}, {value}), width);
}

TEST(InputCells, ValuesOfACellShareItAndOthersDoNot) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> within(-0.499, 0.499);
  for (const double width : {1e-6, 0.01, 0.5, 3.0, 1e9}) {
    for (int i = 0; i < 2000; ++i) {
      const auto number =
          static_cast<double>(static_cast<std::int64_t>(random() % 2000001) - 1000000);
      const double a = (number + within(random)) * width;
      const double b = (number + within(random)) * width;
      EXPECT_EQ(cell(a, width), cell(b, width)) << a << " " << b << " " << width;
      const double other = a + width * (1.001 + static_cast<double>(random() % 5));
      EXPECT_NE(cell(a, width), cell(other, width)) << a << " " << other << " " << width;
      EXPECT_NE(cell(a, width), cell(a - width * 1.001, width));
    }
  }
}

// Whatever two values: sharing means being near.
TEST(InputCells, WhatSharesIsNoFurtherApartThanTheWidth) {
  std::mt19937_64 random(2);
  std::size_t shared = 0;
  for (int i = 0; i < 20000; ++i) {
    const float a = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    const float b = std::bit_cast<float>(std::bit_cast<std::uint32_t>(a) +
                                         static_cast<std::uint32_t>(random() % 64));
    const double width = std::ldexp(1.0, static_cast<int>(random() % 80) - 40);
    if (cell(a, width) != cell(b, width)) continue;
    ++shared;
    if (std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b)) continue;
    ASSERT_TRUE(std::isfinite(a) && std::isfinite(b)) << a << " " << b;
    EXPECT_LE(std::fabs(double{a} - double{b}), width * (1 + 1e-9));
  }
  EXPECT_GT(shared, 100U);
}

TEST(InputCells, WhatHasNoCellIsItsBits) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double other_nan = std::bit_cast<double>(std::bit_cast<std::uint64_t>(nan) | 1U);
  const std::vector<double> apart = {
      nan, other_nan, -nan, kInf, -kInf, 1e300, -1e300, std::nextafter(1e300, kInf), 0, 1};
  for (std::size_t i = 0; i < apart.size(); ++i) {
    EXPECT_EQ(cell(apart[i], 0.5), cell(apart[i], 0.5));
    for (std::size_t j = 0; j < i; ++j)
      EXPECT_NE(cell(apart[i], 0.5), cell(apart[j], 0.5)) << i << j;
  }
  EXPECT_EQ(cell(0.0, 0.5), cell(-0.0, 0.5));
  EXPECT_EQ(cell(0.0, 0.5), cell(std::numeric_limits<double>::denorm_min(), 0.5));
  EXPECT_NE(cell(1.0, 1e-300), cell(std::nextafter(1.0, 2.0), 1e-300));  // the quotient overflows
}

// No list of values gives the words of another: what has no cell takes two.
TEST(InputCells, ListsOfThemAreToldApart) {
  const auto of = [](const std::vector<double>& values) {
    return cells_of(DType::f64,
                    dense(DType::f64, Shape{static_cast<std::int64_t>(values.size())}, values), 1);
  };
  EXPECT_NE(of({kInf, 1}), of({1, kInf}));
  const double as_bits = std::bit_cast<double>(std::uint64_t{3});
  EXPECT_NE(of({kInf}), of({0, as_bits}));
  EXPECT_EQ(of({1.2, 2.9}), of({0.8, 3.1}));
}

TEST(InputCells, AreThoseOfShortFloatsToo) {
  const auto half = [](std::uint16_t bits, DType dtype) {
    return cells_of(dtype, dense<std::uint16_t>(dtype, {1}, {bits}), 0.25);
  };
  EXPECT_EQ(half(0x3C00, DType::f16), half(0x3C01, DType::f16));  // 1, and the next
  EXPECT_NE(half(0x3C00, DType::f16), half(0x4000, DType::f16));  // 2
  EXPECT_EQ(half(0x3F80, DType::bf16), half(0x3F81, DType::bf16));
  EXPECT_NE(half(0x7C00, DType::f16), half(0x7C01, DType::f16));  // infinity and NaN
  EXPECT_EQ(half(0x3C00, DType::f16), half(0x3F80, DType::bf16));
}

TEST(InputCells, MakeKeysOfTheInputsThatAskForThem) {
  const KeyMaker maker(1);
  const CacheKey scope = maker.scope({"m", 1, "", 0});
  const std::vector<InputStep> steps = {{"a", 0.1}};
  const KeyForm form{{}, steps};
  const auto request = [](float a, float b) {
    Request made = request_for("m", dense<float>(DType::f32, {1, 1}, {a}), "a");
    made.inputs.push_back({"b", dense<float>(DType::f32, {1, 1}, {b})});
    return made;
  };
  const auto key = [&](float a, float b) { return maker.key(scope, request(a, b), form); };
  const auto row_key = [&](float a, float b) {
    const Request made = request(a, b);
    return maker.row_key(maker.rows_scope(scope, made, form), made, *RequestRows::cut(made), 0,
                         form);
  };
  const auto proof = [&](float a, float b) { return *key_proof(request(a, b), form, 4096); };
  EXPECT_EQ(key(0.52F, 1), key(0.48F, 1));
  EXPECT_EQ(row_key(0.52F, 1), row_key(0.48F, 1));
  EXPECT_EQ(proof(0.52F, 1), proof(0.48F, 1));
  EXPECT_FALSE(key(0.52F, 1) == key(0.58F, 1));
  EXPECT_FALSE(key(0.52F, 1) == key(0.52F, std::nextafter(1.0F, 2.0F)));  // b is taken as it is
  EXPECT_FALSE(row_key(0.52F, 1) == row_key(0.52F, std::nextafter(1.0F, 2.0F)));
  EXPECT_NE(proof(0.52F, 1), proof(0.52F, std::nextafter(1.0F, 2.0F)));
}

}  // namespace
}  // namespace mlops::testing
