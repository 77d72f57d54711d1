#include "execute/value_range.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "support/requests.h"
#include "tensor/half.h"

namespace mlops::testing {
namespace {

constexpr double kInfinite = std::numeric_limits<double>::infinity();
constexpr double kNoNumber = std::numeric_limits<double>::quiet_NaN();

template <class T>
bool within(DType dtype, const std::vector<T>& values, double most) {
  return floats_within(dense(dtype, Shape{static_cast<std::int64_t>(values.size())}, values), most);
}

// One odd value anywhere, in tensors that fill no block, one, and more than one.
TEST(ValueRange, FindsOneValueWhereverItIs) {
  for (const std::size_t size : {1, 7, 31, 1023, 1024, 1025, 2048, 3000}) {
    std::vector<float> values(size, -99.5F);
    ASSERT_TRUE(within(DType::f32, values, 100)) << size;
    ASSERT_FALSE(within(DType::f32, values, 99)) << size;
    for (const std::size_t at : {std::size_t{0}, size / 2, size - 1}) {
      for (const double odd : {kNoNumber, -kNoNumber, kInfinite, -kInfinite, 100.5, -1e30}) {
        values[at] = static_cast<float>(odd);
        EXPECT_FALSE(within(DType::f32, values, 100)) << size << " " << at << " " << odd;
      }
      values[at] = 0;
    }
  }
}

TEST(ValueRange, AgreesWithAPlainComparisonForAnyBits) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 20'000; ++i) {
    const auto bits = random();
    const auto single = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    const auto wide = std::bit_cast<double>(bits);
    const auto small = static_cast<std::uint16_t>(bits >> 48);
    const double most = std::ldexp(1 + static_cast<double>(bits % 1000) / 1000,
                                   static_cast<int>((bits >> 20) % 60) - 20);
    ASSERT_EQ(within(DType::f32, std::vector{single}, most), std::abs(single) <= most) << single;
    ASSERT_EQ(within(DType::f64, std::vector{wide}, most), std::abs(wide) <= most) << wide;
    ASSERT_EQ(within(DType::bf16, std::vector{small}, most), std::abs(bf16_to_float(small)) <= most)
        << bf16_to_float(small) << " " << most;
    const double half = std::abs(half_to_float(small));
    if (most >= 1e-4) {
      ASSERT_EQ(within(DType::f16, std::vector{small}, most), half <= most && half <= 65504)
          << half << " " << most;
    }
  }
}

TEST(ValueRange, TheLimitItselfIsWithin) {
  const double most = std::ldexp(1, 31);
  const auto above = std::nextafter(static_cast<float>(most), 1e30F);
  EXPECT_TRUE(within(DType::f32, std::vector{static_cast<float>(-most)}, most));
  EXPECT_FALSE(within(DType::f32, std::vector{above}, most));
  EXPECT_TRUE(within(DType::f16, std::vector<std::uint16_t>{0x7BFF, 0xFBFF}, most));
  EXPECT_FALSE(within(DType::f16, std::vector<std::uint16_t>{0x7C00}, most));
}

TEST(ValueRange, OtherTypesAndNothingAreWithin) {
  EXPECT_TRUE(within(DType::i64, std::vector<std::int64_t>{-1}, 1));
  EXPECT_TRUE(within(DType::u8, std::vector<std::uint8_t>{255}, 1));
  EXPECT_TRUE(within(DType::f32, std::vector<float>{}, 1));
}

TEST(ValueRange, BytesMayLieAnywhere) {
  std::vector<std::byte> memory(4 * 1030 + 1);
  const float nan = std::nanf("");
  Tensor tensor{DType::f32, Shape{1030}, std::span(memory).subspan(1), nullptr};
  EXPECT_TRUE(floats_within(tensor, 1));
  std::memcpy(memory.data() + 1 + 4 * 1029, &nan, sizeof nan);
  EXPECT_FALSE(floats_within(tensor, 1));
}

}  // namespace
}  // namespace mlops::testing
