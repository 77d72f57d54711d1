#include "observe/stage.h"

#include <gtest/gtest.h>

#include "observe/drift_values.h"
#include "tensor/byte_strings.h"

namespace mlops {
namespace {

using namespace drift_test;

StreamReference column_of(StreamRole role, const char* tensor, std::uint32_t column) {
  return numeric_reference({role, tensor, column, tensor}, std::vector<float>{0, 1, 2}, {});
}

Signature any_signature() {
  Signature signature;
  signature.inputs = {{"x", DType::f32, {kAnySize, 3}, {"", ""}},
                      {"carrier", DType::bytes, {kAnySize, 1}, {"", ""}},
                      {"tokens", DType::i64, {kAnySize, kAnySize}, {"", ""}}};
  signature.outputs = {{"y", DType::f64, {kAnySize}, {""}}};
  return signature;
}

template <class T>
Tensor tensor_of(DType dtype, const std::vector<T>& values) {
  return {dtype, Shape{}, std::as_bytes(std::span(values)), {}};
}

TEST(Stage, NeighbouringColumnsAreCopiedTogether) {
  const ReferencePtr reference =
      *seal_reference({column_of(StreamRole::input, "x", 1), column_of(StreamRole::input, "x", 2),
                       column_of(StreamRole::output, "y", 0)});
  const auto runs = plan_columns(*reference, any_signature());
  ASSERT_TRUE(runs.ok()) << runs.status().to_string();
  ASSERT_EQ(runs->size(), 2U);
  const std::vector<float> x = {1, 2, 3, 4, 5, 6};
  const std::vector<double> y = {1e300, -0.5};
  float tile[2][3];
  EXPECT_TRUE(stage_run((*runs)[0], tensor_of(DType::f32, x), 3, 0, 2, tile[0], 3));
  EXPECT_TRUE(stage_run((*runs)[1], tensor_of(DType::f64, y), 1, 0, 2, tile[0] + 2, 3));
  EXPECT_EQ(tile[0][0], 2);
  EXPECT_EQ(tile[0][1], 3);
  EXPECT_EQ(tile[0][2], std::numeric_limits<float>::max());  // finite stays finite
  EXPECT_EQ(tile[1][0], 5);
  EXPECT_EQ(tile[1][2], -0.5F);
}

TEST(Stage, EveryElementType) {
  const ReferencePtr reference = *seal_reference({column_of(StreamRole::input, "x", 0)});
  const ColumnRun run = plan_columns(*reference, any_signature())->front();
  const auto staged = [&](const Tensor& tensor) {
    float value = -1;
    EXPECT_TRUE(stage_run(run, tensor, 1, 1, 1, &value, 1));
    return value;
  };
  EXPECT_EQ(staged(tensor_of<std::uint8_t>(DType::boolean, {0, 1})), 1);
  EXPECT_EQ(staged(tensor_of<std::uint8_t>(DType::u8, {0, 255})), 255);
  EXPECT_EQ(staged(tensor_of<std::int8_t>(DType::i8, {0, -3})), -3);
  EXPECT_EQ(staged(tensor_of<std::int16_t>(DType::i16, {0, -300})), -300);
  EXPECT_EQ(staged(tensor_of<std::uint16_t>(DType::u16, {0, 40000})), 40000);
  EXPECT_EQ(staged(tensor_of<std::int32_t>(DType::i32, {0, -70000})), -70000);
  EXPECT_EQ(staged(tensor_of<std::uint32_t>(DType::u32, {0, 1U << 31})), 0x1p31F);
  EXPECT_EQ(staged(tensor_of<std::int64_t>(DType::i64, {0, -5})), -5);
  EXPECT_EQ(staged(tensor_of<std::uint64_t>(DType::u64, {0, 1ULL << 63})), 0x1p63F);
  EXPECT_EQ(staged(tensor_of<std::uint16_t>(DType::f16, {0, 0xC000})), -2);
  EXPECT_EQ(staged(tensor_of<std::uint16_t>(DType::bf16, {0, 0x3F80})), 1);
}

TEST(Stage, StringsAsCodesAndStringsCutShort) {
  const std::vector<std::string_view> seen = {"UA", "UA", "AA"};
  const ReferencePtr reference =
      *seal_reference({string_categories({StreamRole::input, "carrier", 0, "c"}, seen, {})});
  const ColumnRun run = plan_columns(*reference, any_signature())->front();
  std::string bytes;
  for (const char* text : {"AA", "UA", "ZZ"}) append_byte_string(bytes, text);
  Tensor tensor{DType::bytes, Shape{}, std::as_bytes(std::span(bytes)), {}};
  float codes[3];
  EXPECT_TRUE(stage_run(run, tensor, 1, 0, 3, codes, 1));
  EXPECT_EQ(codes[0], 1);
  EXPECT_EQ(codes[1], 0);
  EXPECT_EQ(codes[2], kNewCode);
  EXPECT_TRUE(stage_run(run, tensor, 1, 2, 1, codes, 1));
  EXPECT_EQ(codes[0], kNewCode);
  tensor.bytes = tensor.bytes.first(bytes.size() - 1);
  EXPECT_FALSE(stage_run(run, tensor, 1, 0, 3, codes, 1));
}

TEST(Stage, AReferenceOfAnotherModelIsRefused) {
  const auto refused = [](StreamReference stream) {
    return !plan_columns(**seal_reference({std::move(stream)}), any_signature()).ok();
  };
  EXPECT_TRUE(refused(column_of(StreamRole::input, "z", 0)));
  EXPECT_TRUE(refused(column_of(StreamRole::input, "x", 3)));
  EXPECT_TRUE(refused(column_of(StreamRole::input, "tokens", 0)));
  EXPECT_TRUE(refused(column_of(StreamRole::input, "carrier", 0)));
  EXPECT_FALSE(refused(column_of(StreamRole::output, "y", 0)));
}

}  // namespace
}  // namespace mlops
