#include "protocol/traced_tensor.h"

#include <gtest/gtest.h>

#include "protocol/trace_record.h"
#include "tensor/byte_strings.h"

namespace mlops {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

template <class T>
TracedTensor traced(DType dtype, const std::vector<T>& values, Shape shape) {
  return traced_tensor("TENSOR_QUEUE_INPUT",
                       {"x", {dtype, shape, std::as_bytes(std::span(values)), nullptr}});
}

TEST(TracedTensor, SaysValuesAsJsonDoes) {
  const TracedTensor floats = traced<float>(DType::f32, {0.5F, -2, 3}, {1, 3});
  EXPECT_EQ(floats.data, "0.5,-2.0,3.0");
  EXPECT_EQ(floats.shape, "1,3");
  EXPECT_EQ(floats.dtype, "FP32");
  EXPECT_EQ(floats.omitted, 0U);
  EXPECT_EQ(traced<std::int8_t>(DType::i8, {-1, 2}, {2}).data, "-1,2");
  EXPECT_EQ(traced<std::uint8_t>(DType::boolean, {1, 0}, {2}).data, "true,false");
  EXPECT_EQ(traced<std::uint16_t>(DType::f16, {0x3C00, 0xC000}, {2}).data, "1.0,-2.0");
  EXPECT_EQ(traced<std::uint16_t>(DType::bf16, {0x3F80, 0xC000}, {2}).data, "1.0,-2.0");
  EXPECT_EQ(traced<float>(DType::f32, {}, {0, 3}).data, "");
  EXPECT_EQ(traced<float>(DType::f32, {7}, {}).shape, "");
}

TEST(TracedTensor, StringsAreQuotedAndAlwaysText) {
  std::string raw;
  append_byte_string(raw, "a\"b");
  append_byte_string(raw, "");
  append_byte_string(raw, "\xff");
  const TracedTensor strings =
      traced_tensor("TENSOR_BACKEND_OUTPUT", {"s", {DType::bytes, {3}, bytes_of(raw), nullptr}});
  EXPECT_EQ(strings.data, "\"a\\\"b\",\"\",\"\xEF\xBF\xBD\"");
  EXPECT_EQ(strings.dtype, "BYTES");
  EXPECT_EQ(strings.omitted, 0U);
}

TEST(TracedTensor, IsBoundedAndSaysWhatIsMissing) {
  const TracedTensor many =
      traced<std::int64_t>(DType::i64, std::vector<std::int64_t>(kTracedElementsMax + 9, INT64_MIN),
                           {static_cast<std::int64_t>(kTracedElementsMax) + 9});
  EXPECT_EQ(many.omitted, 9U);
  EXPECT_LE(many.data.size(), kTracedTextMax);
  std::string raw;
  append_byte_string(raw, "first");
  append_byte_string(raw, std::string(kTracedTextMax, '\x01'));
  append_byte_string(raw, "last");
  const TracedTensor large =
      traced_tensor("TENSOR_QUEUE_INPUT", {"s", {DType::bytes, {3}, bytes_of(raw), nullptr}});
  EXPECT_EQ(large.data, "\"first\"");
  EXPECT_EQ(large.omitted, 2U);
}

TEST(TraceJson, HasTensorsAfterTimestampsOrWithoutThem) {
  TraceRecord record;
  record.model = "m";
  record.version = 1;
  record.timestamps = false;
  record.tensors.push_back(traced<std::int32_t>(DType::i32, {1, 2}, {2}));
  std::uint64_t id = 7;
  EXPECT_EQ(trace_json(id, record),
            R"({"id":7,"model_name":"m","model_version":1,"request_id":""},)"
            R"({"id":7,"activity":"TENSOR_QUEUE_INPUT",)"
            R"("tensor":{"name":"x","data":"1,2","shape":"2","dtype":"INT32"}})");
  EXPECT_EQ(id, 8U);
  record.timestamps = true;
  record.request_start += std::chrono::nanoseconds(5);
  record.tensors[0].omitted = 3;
  const std::string text = trace_json(id, record);
  EXPECT_NE(text.find(R"({"name":"REQUEST_START","ns":5}]},{"id":8,"activity")"),
            std::string::npos);
  EXPECT_NE(text.find(R"("dtype":"INT32","omitted":3}})"), std::string::npos);
}

}  // namespace
}  // namespace mlops
