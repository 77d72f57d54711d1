#include "execute/echo_backend.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "tensor/byte_strings.h"

namespace mlops {
namespace {

Signature one(DType dtype) {
  TensorSpec spec{"x", dtype, {kAnySize}, {"batch"}};
  Signature signature{{spec}, {spec}};
  signature.outputs[0].name = "y";
  return signature;
}

std::unique_ptr<Executor> executor_of(const std::unique_ptr<Backend>& backend) {
  return std::move(backend->make_executor()).value();
}

Tensor view(DType dtype, Shape shape, const void* data, std::size_t size) {
  return {dtype, shape, {static_cast<const std::byte*>(data), size}, nullptr};
}

TEST(EchoBackend, FillsAPreallocatedBufferInPlace) {
  auto backend = std::move(make_echo_backend(one(DType::f32))).value();
  const float in[] = {1, 2, 3};
  const Tensor input = view(DType::f32, {3}, in, sizeof(in));
  Buffer memory = allocate_buffer(sizeof(in));
  OutputSlot slot{true, {DType::f32, {3}, writable(memory), memory}};
  ASSERT_TRUE(executor_of(backend)->run({&input, 1}, {&slot, 1}).ok());
  EXPECT_EQ(slot.tensor.bytes.data(), memory->data());
  EXPECT_EQ(std::memcmp(memory->data(), in, sizeof(in)), 0);
}

TEST(EchoBackend, BringsItsOwnBufferWhenNoneFits) {
  auto backend = std::move(make_echo_backend(one(DType::i64))).value();
  const std::int64_t in[] = {7, 8};
  const Tensor input = view(DType::i64, {2}, in, sizeof(in));
  Buffer memory = allocate_buffer(8);
  OutputSlot too_small{true, {DType::i64, {1}, writable(memory), memory}};
  ASSERT_TRUE(executor_of(backend)->run({&input, 1}, {&too_small, 1}).ok());
  EXPECT_NE(too_small.tensor.owner, memory);
  EXPECT_EQ(too_small.tensor.shape, Shape({2}));
  EXPECT_EQ(std::memcmp(too_small.tensor.bytes.data(), in, sizeof(in)), 0);
}

TEST(EchoBackend, RepeatsByteStrings) {
  auto backend = std::move(make_echo_backend(one(DType::bytes))).value();
  std::string text;
  append_byte_string(text, std::string_view("a\0b", 3));
  append_byte_string(text, "");
  const Tensor input = view(DType::bytes, {2}, text.data(), text.size());
  OutputSlot slot{true, {}};
  ASSERT_TRUE(executor_of(backend)->run({&input, 1}, {&slot, 1}).ok());
  EXPECT_EQ(slot.tensor.dtype, DType::bytes);
  EXPECT_EQ(count_byte_strings(slot.tensor.bytes), 2U);
}

TEST(EchoBackend, TakesZeroRowsFromANullPointer) {
  auto backend = std::move(make_echo_backend(one(DType::f32))).value();
  const Tensor input = view(DType::f32, {0}, nullptr, 0);
  OutputSlot slot{true, {}};
  ASSERT_TRUE(executor_of(backend)->run({&input, 1}, {&slot, 1}).ok());
  EXPECT_EQ(slot.tensor.shape, Shape({0}));
  EXPECT_TRUE(slot.tensor.bytes.empty());
}

TEST(EchoBackend, LeavesUnwantedOutputsAlone) {
  auto backend = std::move(make_echo_backend(one(DType::f32))).value();
  const float in[] = {1};
  const Tensor input = view(DType::f32, {1}, in, sizeof(in));
  OutputSlot slot{false, {}};
  ASSERT_TRUE(executor_of(backend)->run({&input, 1}, {&slot, 1}).ok());
  EXPECT_FALSE(slot.tensor.owner);
}

TEST(EchoBackend, RefusesAnOutputThatIsNoEcho) {
  Signature signature = one(DType::f32);
  signature.outputs[0].dtype = DType::f64;
  EXPECT_EQ(make_echo_backend(signature).status().code(), Code::invalid_argument);
  signature.inputs.clear();
  EXPECT_EQ(make_echo_backend(signature).status().code(), Code::invalid_argument);
}

}  // namespace
}  // namespace mlops
