#include "cache/tensor_rows.h"

#include <gtest/gtest.h>

#include <random>

#include "support/requests.h"

namespace mlops::testing {
namespace {

Request of(Tensor a, Tensor b) {
  Request request = request_for("m", std::move(a), "a");
  request.inputs.push_back({"b", std::move(b)});
  return request;
}

TEST(RequestRows, AreCutWhereRowsPart) {
  const Request request = of(dense<float>(DType::f32, {3, 2}, {1, 2, 3, 4, 5, 6}),
                             strings({3, 1, 2}, {"", "a", "bc", "def", "", ""}));
  const auto rows = RequestRows::cut(request);
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->count(), 3U);
  const auto second = values_of<float>({DType::f32, {2}, rows->bytes(0, 1), {}});
  EXPECT_EQ(second, (std::vector<float>{3, 4}));
  EXPECT_EQ(strings_of({DType::bytes, {2}, rows->bytes(1, 0), {}}),
            (std::vector<std::string>{"", "a"}));
  EXPECT_EQ(strings_of({DType::bytes, {2}, rows->bytes(1, 1), {}}),
            (std::vector<std::string>{"bc", "def"}));
  EXPECT_EQ(rows->bytes(1, 2).size(), 8U);
}

TEST(RequestRows, AreNoneWhereInputsDoNotAgree) {
  const Tensor two = dense<float>(DType::f32, {2}, {1, 2});
  EXPECT_TRUE(RequestRows::cut(of(two, two)));
  EXPECT_FALSE(RequestRows::cut(Request()));
  EXPECT_FALSE(RequestRows::cut(of(two, dense<float>(DType::f32, {1, 2}, {1, 2}))));
  EXPECT_FALSE(RequestRows::cut(of(two, dense<float>(DType::f32, {}, {1}))));
  EXPECT_FALSE(RequestRows::cut(of(dense<float>(DType::f32, {0, 2}, {}), two)));
  EXPECT_FALSE(RequestRows::cut(of(two, dense<float>(DType::f32, {2, 2}, {1, 2, 3}))));
  EXPECT_FALSE(RequestRows::cut(of(two, strings({2, 2}, {"a", "b", "c"}))));
  EXPECT_FALSE(RequestRows::cut(of(two, strings({2}, {"a", "b", "c"}))));
  Tensor broken = strings({2}, {"a", "b"});
  broken.bytes = broken.bytes.first(broken.bytes.size() - 1);
  EXPECT_FALSE(RequestRows::cut(of(two, broken)));
  Tensor huge = two;
  huge.shape = Shape{2, INT64_MAX / 2, 3};
  EXPECT_FALSE(RequestRows::cut(of(huge, two)));
}

// Rows without anything in them are rows.
TEST(RequestRows, MayBeEmpty) {
  const auto rows = RequestRows::cut(of(dense<float>(DType::f32, {2, 0}, {}), strings({2, 0}, {})));
  ASSERT_TRUE(rows);
  EXPECT_EQ(rows->count(), 2U);
  EXPECT_TRUE(rows->bytes(0, 1).empty());
  EXPECT_TRUE(rows->bytes(1, 1).empty());
}

TEST(RequestRows, TogetherAreTheWhole) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    const std::size_t count = 1 + random() % 5;
    const std::size_t width = random() % 3;
    std::vector<std::string> texts(count * width);
    for (std::string& text : texts)
      text.assign(random() % 4, static_cast<char>('a' + random() % 3));
    const Shape shape{static_cast<std::int64_t>(count), static_cast<std::int64_t>(width)};
    const Request request = of(strings(shape, texts), strings(shape, texts));
    const auto rows = RequestRows::cut(request);
    ASSERT_TRUE(rows);
    std::vector<std::byte> together;
    for (std::size_t row = 0; row < count; ++row) {
      const auto bytes = rows->bytes(1, row);
      together.insert(together.end(), bytes.begin(), bytes.end());
    }
    const auto whole = request.inputs[1].tensor.bytes;
    EXPECT_TRUE(std::ranges::equal(together, whole));
  }
}

}  // namespace
}  // namespace mlops::testing
