#include <gtest/gtest.h>

#include <fstream>
#include <numeric>
#include <thread>

#include "support/ort_models.h"
#include "support/requests.h"

namespace mlops::testing {
namespace {

class OrtRun : public OrtTest {};

struct TypeCase {
  const char* file;
  DType dtype;
};

class OrtRunEveryType : public OrtTest, public ::testing::WithParamInterface<TypeCase> {};

TEST_P(OrtRunEveryType, RepeatsEveryBytePattern) {
  const auto [file, dtype] = GetParam();
  OneLane lane = one_lane(load(file));
  ASSERT_TRUE(lane.executor);
  EXPECT_EQ(lane.backend->signature().inputs[0].dtype, dtype);
  EXPECT_EQ(lane.backend->signature().outputs[0].dtype, dtype);
  // 256 bytes with every value; bool only knows 0 and 1.
  std::vector<std::uint8_t> bytes(256);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  if (dtype == DType::boolean) {
    for (auto& byte : bytes) byte &= 1;
  }
  Tensor input = dense(dtype, Shape{static_cast<std::int64_t>(256 / size_of(dtype))}, bytes);
  ASSERT_TRUE(lane.run({input}).ok());
  const Tensor& output = lane.slots[0].tensor;
  EXPECT_EQ(output.dtype, dtype);
  EXPECT_EQ(output.shape, input.shape);
  EXPECT_EQ(values_of<std::uint8_t>(output), bytes);
  EXPECT_NE(output.bytes.data(), input.bytes.data());
}

INSTANTIATE_TEST_SUITE_P(
    Dense, OrtRunEveryType,
    ::testing::Values(TypeCase{"identity_bool", DType::boolean}, TypeCase{"identity_u8", DType::u8},
                      TypeCase{"identity_u16", DType::u16}, TypeCase{"identity_u32", DType::u32},
                      TypeCase{"identity_u64", DType::u64}, TypeCase{"identity_i8", DType::i8},
                      TypeCase{"identity_i16", DType::i16}, TypeCase{"identity_i32", DType::i32},
                      TypeCase{"identity_i64", DType::i64}, TypeCase{"identity_f16", DType::f16},
                      TypeCase{"identity_f32", DType::f32}, TypeCase{"identity_f64", DType::f64},
                      TypeCase{"identity_bf16", DType::bf16}),
    [](const auto& test) { return std::string(kserve_name(test.param.dtype)); });

TEST_F(OrtRun, StringsKeepEveryByte) {
  OneLane lane = one_lane(load("identity_string"));
  const std::vector<std::string> texts = {"", std::string("a\0b\0", 4), "žluťoučký 🐎", "\xff",
                                          std::string(5000, 'x')};
  const Tensor input = strings(Shape{5}, texts);
  ASSERT_TRUE(lane.run({input}).ok());
  EXPECT_EQ(lane.slots[0].tensor.dtype, DType::bytes);
  EXPECT_EQ(lane.slots[0].tensor.shape, Shape({5}));
  EXPECT_EQ(strings_of(lane.slots[0].tensor), texts);
  EXPECT_EQ(copies_.total(CopySite::string_input), input.bytes.size());
  EXPECT_EQ(copies_.total(CopySite::string_output), input.bytes.size());
}

TEST_F(OrtRun, StringsThatDoNotMatchTheirShapeAreRefused) {
  OneLane lane = one_lane(load("identity_string"));
  Tensor input = strings(Shape{2}, {"a", "b"});
  input.shape = Shape{std::int64_t{1} << 40};
  EXPECT_EQ(lane.run({input}).code(), Code::invalid_argument);
  input.shape = Shape{2};
  input.bytes = input.bytes.first(input.bytes.size() - 1);
  EXPECT_EQ(lane.run({input}).code(), Code::invalid_argument);
}

TEST_F(OrtRun, WritesIntoAPreallocatedBuffer) {
  OneLane lane = one_lane(load("two_outputs"));
  for (const std::int64_t rows : {1, 7, 7, 3}) {
    const Tensor input = float_rows(rows, 1);
    for (OutputSlot& slot : lane.slots) slot.tensor = room(DType::f32, input.shape);
    const auto* const place = lane.slots[0].tensor.owner->data();
    ASSERT_TRUE(lane.run({input}).ok());
    EXPECT_EQ(lane.slots[0].tensor.bytes.data(), place);
    EXPECT_EQ(values_of<float>(lane.slots[0].tensor)[3], -4);
    EXPECT_EQ(values_of<float>(lane.slots[1].tensor), values_of<float>(input));
  }
}

TEST_F(OrtRun, OnlyWantedOutputsAreMade) {
  OneLane lane = one_lane(load("two_outputs"));
  lane.slots[0].wanted = false;
  ASSERT_TRUE(lane.run({float_rows(2, 1)}).ok());
  EXPECT_FALSE(lane.slots[0].tensor.owner);
  EXPECT_EQ(values_of<float>(lane.slots[1].tensor), values_of<float>(float_rows(2, 1)));
  lane.slots[1].wanted = false;
  EXPECT_TRUE(lane.run({float_rows(2, 1)}).ok());
}

TEST_F(OrtRun, ZeroRowsNeedNoMemory) {
  OneLane lane = one_lane(load("matmul"));
  const Tensor none{DType::f32, {0, 4}, {}, nullptr};
  ASSERT_TRUE(lane.run({none}).ok());
  EXPECT_EQ(lane.slots[0].tensor.shape, Shape({0, 4}));
  lane.slots[0].tensor = room(DType::f32, {0, 4});
  EXPECT_TRUE(lane.run({none}).ok());

  OneLane texts = one_lane(load("identity_string"));
  ASSERT_TRUE(texts.run({{DType::bytes, {0}, {}, nullptr}}).ok());
  EXPECT_EQ(texts.slots[0].tensor.shape, Shape({0}));
  EXPECT_TRUE(texts.slots[0].tensor.bytes.empty());
}

TEST_F(OrtRun, TakesScalarsAndTensorsOfAnyRank) {
  OneLane scalar = one_lane(load("scalar"));
  ASSERT_TRUE(scalar.run({dense<float>(DType::f32, {}, {2})}).ok());
  EXPECT_EQ(scalar.slots[0].tensor.shape.rank(), 0U);
  EXPECT_EQ(values_of<float>(scalar.slots[0].tensor), std::vector<float>{-2});

  OneLane any = one_lane(load("no_shape"));
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{1, 1, 1, 1, 1}}) {
    any.slots[0].tensor = {};
    ASSERT_TRUE(any.run({dense<float>(DType::f32, shape, {2})}).ok());
    EXPECT_EQ(any.slots[0].tensor.shape, shape);
  }
}

TEST_F(OrtRun, AnInputThatIsAnOutputIsCopied) {
  OneLane lane = one_lane(load("pass_through"));
  const Tensor input = float_rows(2, 1);
  ASSERT_TRUE(lane.run({input}).ok());
  EXPECT_EQ(values_of<float>(lane.slots[0].tensor), values_of<float>(input));
  EXPECT_NE(lane.slots[0].tensor.bytes.data(), input.bytes.data());

  for (OutputSlot& slot : lane.slots) slot.tensor = room(DType::f32, input.shape);
  ASSERT_TRUE(lane.run({input}).ok());
  EXPECT_EQ(values_of<float>(lane.slots[0].tensor), values_of<float>(input));
}

TEST_F(OrtRun, ConstantOutputsOutliveTheModel) {
  for (const bool preallocated : {false, true}) {
    OneLane lane = one_lane(load("constant_output"));
    if (preallocated) {
      lane.slots[1].tensor = room(DType::f32, {4});
      lane.slots[2].tensor = room(DType::f32, {4});
    }
    ASSERT_TRUE(lane.run({float_rows(1, 1)}).ok());
    lane.executor.reset();
    lane.backend.reset();
    EXPECT_EQ(values_of<float>(lane.slots[1].tensor), (std::vector<float>{1, 2, 3, 4}));
    EXPECT_EQ(values_of<float>(lane.slots[2].tensor), (std::vector<float>{2, 4, 6, 8}));
  }
}

TEST_F(OrtRun, OutputsOutliveTheRuntime) {
  for (const bool arena : {false, true}) {
    RecordingLog log;
    auto runtime = *OrtRuntime::open(ort_test_libraries(), log);
    OrtOptions options;
    options.memory_arena = arena;
    OneLane lane = one_lane(load_ort_backend(runtime, tiny_model("matmul"), options, nullptr));
    ASSERT_TRUE(lane.run({float_rows(3, 1)}).ok());
    const auto before = values_of<float>(lane.slots[0].tensor);
    lane.executor.reset();
    lane.backend.reset();
    runtime.reset();
    EXPECT_EQ(values_of<float>(lane.slots[0].tensor), before);
  }
}

TEST_F(OrtRun, AShapeThatIsNotAsDeclaredIsServedAllTheSame) {
  OneLane lane = one_lane(load("fewer_rows"));
  const Tensor input = dense<float>(DType::f32, {3, 4}, {1, 1, 1, 1, -1, -1, -1, -1, 2, 2, 2, 2});
  for (int i = 0; i < 3; ++i) {
    lane.slots[0].tensor = room(DType::f32, {3, 4});
    ASSERT_TRUE(lane.run({input}).ok());
    EXPECT_EQ(lane.slots[0].tensor.shape, Shape({2, 4}));
    EXPECT_EQ(values_of<float>(lane.slots[0].tensor), (std::vector<float>{1, 1, 1, 1, 2, 2, 2, 2}));
  }
  EXPECT_EQ(log_.lines().size(), 1U) << "one warning, not one per run";
}

TEST_F(OrtRun, OneElementKeepsItsTrueShape) {
  const Shape shapes[] = {{}, {1}, {1, 1}};
  for (const Shape& actual : shapes) {
    for (const Shape& expected : shapes) {
      OneLane lane = one_lane(load("no_shape"));
      const Tensor place = room(DType::f32, expected);
      for (int i = 0; i < 2; ++i) {
        lane.slots[0].tensor = place;
        ASSERT_TRUE(lane.run({dense<float>(DType::f32, actual, {2})}).ok());
        EXPECT_EQ(lane.slots[0].tensor.shape, actual) << "expected " << expected.to_string();
        EXPECT_EQ(values_of<float>(lane.slots[0].tensor), std::vector<float>{-2});
      }
    }
  }
}

TEST_F(OrtRun, MisalignedInputsAreAligned) {
  OneLane lane = one_lane(load("matmul"));
  const auto expected_of = [&](const Tensor& input) {
    EXPECT_TRUE(lane.run({input}).ok());
    return values_of<float>(lane.slots[0].tensor);
  };
  const Tensor aligned = float_rows(9, 1);
  const auto expected = expected_of(aligned);
  const Buffer memory = allocate_buffer(aligned.bytes.size() + 1);
  std::memcpy(memory->data() + 1, aligned.bytes.data(), aligned.bytes.size());
  const Tensor shifted{DType::f32, aligned.shape, writable(memory).subspan(1), memory};
  EXPECT_EQ(expected_of(shifted), expected);
  EXPECT_EQ(copies_.total(CopySite::gather), aligned.bytes.size());
}

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t pages = 0;
  statm >> pages >> pages;
  return pages * 4096;
}

TEST_F(OrtRun, ManyShapesDoNotFillTheMemory) {
#ifdef MLOPS_SANITIZED
  GTEST_SKIP() << "a sanitizer keeps freed memory";
#endif
  OneLane lane = one_lane(load("matmul"));
  const auto run_rows = [&](std::int64_t rows) {
    lane.slots[0].tensor = {};
    return lane.run({room(DType::f32, {rows, 4})}).ok();
  };
  ASSERT_TRUE(run_rows(20'000));
  const std::size_t before = resident_bytes();
  for (std::int64_t rows = 50; rows <= 20'000; rows += 50) ASSERT_TRUE(run_rows(rows));
  EXPECT_LT(resident_bytes(), before + (16U << 20));
}

TEST_F(OrtRun, ManyLanesShareOneSession) {
  auto backend = std::move(load("matmul")).value();
  constexpr int kThreads = 8;
  constexpr int kRuns = 200;
  std::array<int, kThreads> wrong{};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        auto executor = std::move(backend->make_executor()).value();
        for (int i = 0; i < kRuns; ++i) {
          const std::int64_t rows = 1 + (t * 7 + i) % 5;
          const Tensor input = float_rows(rows, static_cast<float>(t));
          OutputSlot slot{true, i % 2 ? room(DType::f32, input.shape) : Tensor{}};
          const Status status = executor->run({&input, 1}, {&slot, 1});
          // Column 0 of the weights is 0, 4, 8, 12 eighths.
          const auto x = values_of<float>(input);
          const float expected = (4 * x[1] + 8 * x[2] + 12 * x[3]) / 8;
          wrong[static_cast<std::size_t>(t)] +=
              !status.ok() || values_of<float>(slot.tensor)[0] != expected;
        }
      });
    }
  }
  EXPECT_EQ(wrong, (std::array<int, kThreads>{}));
}

TEST_F(OrtRun, AnEndlessModelCanBeInterrupted) {
  OneLane lane = one_lane(load("endless"));
  Status status;
  std::jthread runner([&] { status = lane.run({float_rows(1, 1)}); });
  lane.executor->interrupt();
  runner.join();
  EXPECT_EQ(status.code(), Code::cancelled) << status.to_string();
  EXPECT_EQ(lane.run({float_rows(1, 1)}).code(), Code::cancelled);
}

}  // namespace
}  // namespace mlops::testing
