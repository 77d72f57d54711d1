#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <thread>

#include "execute/by_rows_backend.h"
#include "support/openvino_models.h"
#include "support/requests.h"

namespace mlops::testing {
namespace {

class OpenvinoRun : public OpenvinoTest {};

// Every model of the C++ tests that both load: the same answers, within the rounding of sums.
TEST_F(OpenvinoRun, AnswersAsOnnxRuntimeDoes) {
  int compared = 0;
  for (const char* name : {"matmul", "two_outputs", "identity_f32"}) {
    OneLane theirs = one_lane(load(name));
    Result<std::unique_ptr<Backend>> made = load_both(name);
    if (!made.ok()) {
      ADD_FAILURE() << name << ": " << made.status().to_string();
      continue;
    }
    OneLane ours = one_lane(std::move(made));
    const TensorSpec& input = ours.backend->signature().inputs[0];
    for (const std::int64_t rows : {1, 7, 3, 3, 0, 2}) {
      Shape shape;
      for (const std::int64_t dim : input.dims) shape.push_back(dim == kAnySize ? rows : dim);
      std::vector<float> values(static_cast<std::size_t>(*shape.elements()));
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = 0.25F * static_cast<float>(i % 9);
      const Tensor tensor = dense(DType::f32, shape, values);
      if (ours.backend->signature().inputs.size() != 1 || !theirs.run({tensor}).ok()) continue;
      const Status status = ours.run({tensor});
      ASSERT_TRUE(status.ok()) << name << " " << rows << ": " << status.to_string();
      for (std::size_t i = 0; i < ours.slots.size(); ++i) {
        const Tensor& given = ours.slots[i].tensor;
        ASSERT_EQ(given.shape, theirs.slots[i].tensor.shape) << name;
        if (given.dtype != DType::f32) continue;
        const auto expected = values_of<float>(theirs.slots[i].tensor);
        const auto actual = values_of<float>(given);
        for (std::size_t k = 0; k < expected.size(); ++k) {
          ASSERT_NEAR(actual[k], expected[k], 1e-5) << name << " " << rows;
        }
        ++compared;
      }
    }
  }
  EXPECT_GE(compared, 15);
}

// Whole numbers that OpenVINO computes in fewer bits are no reason to refuse the type: the trial
// before a model is served tells.
TEST_F(OpenvinoRun, EveryTypeIsRepeatedOrRefused) {
  int served = 0;
  for (const char* name : {"bool", "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "f16",
                           "f32", "f64", "bf16"}) {
    Result<std::unique_ptr<Backend>> made = load_both(std::string("identity_") + name);
    if (!made.ok()) {
      EXPECT_EQ(made.status().code(), Code::unimplemented) << made.status().to_string();
      continue;
    }
    ++served;
    OneLane lane = one_lane(std::move(made));
    const DType dtype = lane.backend->signature().inputs[0].dtype;
    std::vector<std::uint8_t> bytes(16 * size_of(dtype));
    for (std::size_t i = 0; i < bytes.size(); i += size_of(dtype)) bytes[i] = (i / 3) % 2;
    const Status status = lane.run({dense(dtype, Shape{16}, bytes)});
    ASSERT_TRUE(status.ok()) << name << ": " << status.to_string();
    EXPECT_EQ(lane.slots[0].tensor.dtype, dtype);
    EXPECT_EQ(values_of<std::uint8_t>(lane.slots[0].tensor), bytes) << name;
  }
  EXPECT_GE(served, 8);
}

TEST_F(OpenvinoRun, RefusesStringsLoopsUncheckedIndicesAndShapesWithoutARank) {
  const Status of_strings = load_both("identity_string").status();
  EXPECT_EQ(of_strings.code(), Code::unimplemented);
  EXPECT_NE(of_strings.message().find("strings"), std::string::npos);
  EXPECT_EQ(load_both("reshape").status().code(), Code::unimplemented) << "of no known rank";
  const Status endless = load_both("endless").status();
  EXPECT_EQ(endless.code(), Code::unimplemented);
  EXPECT_NE(endless.message().find("loop"), std::string::npos) << endless.message();
  const Status unchecked = load_both("scatter").status();
  EXPECT_EQ(unchecked.code(), Code::unimplemented);
  EXPECT_NE(unchecked.message().find("ScatterElements"), std::string::npos) << unchecked.message();
}

// By zero, and of the lowest value by -1: an error or a number, but not the end of the process.
TEST_F(OpenvinoRun, DivisionsThatAProcessorRefusesEndNothing) {
  Result<std::unique_ptr<Backend>> made = load_both("divide");
  if (!made.ok()) GTEST_SKIP() << made.status().message();
  OneLane lane = one_lane(std::move(made));
  const Signature& signature = lane.backend->signature();
  for (const std::int64_t divisor : {0, -1, 1}) {
    std::vector<Tensor> inputs;
    for (std::size_t i = 0; i < signature.inputs.size(); ++i) {
      const bool wide = size_of(signature.inputs[i].dtype) == 8;
      const std::int64_t lowest = wide ? std::numeric_limits<std::int64_t>::min()
                                       : std::numeric_limits<std::int32_t>::min();
      const std::int64_t value = i == 0 ? lowest : divisor;
      inputs.push_back(
          wide ? dense(signature.inputs[i].dtype, Shape{1}, std::vector<std::int64_t>{value})
               : dense(signature.inputs[i].dtype, Shape{1},
                       std::vector<std::int32_t>{static_cast<std::int32_t>(value)}));
    }
    static_cast<void>(lane.run(inputs));
  }
}

TEST_F(OpenvinoRun, FillsPreallocatedOutputsOfTheRightSizeAndReplacesOthers) {
  OneLane lane = one_lane(load_both("matmul"));
  const Signature& signature = lane.backend->signature();
  const std::int64_t width = signature.inputs[0].dims[1];
  const std::int64_t wide = signature.outputs[0].dims[1];
  const Tensor input = dense(DType::f32, Shape{3, width},
                             std::vector<float>(static_cast<std::size_t>(3 * width), 1.0F));
  lane.slots[0].tensor = room(DType::f32, Shape{3, wide});
  const std::byte* given = lane.slots[0].tensor.bytes.data();
  ASSERT_TRUE(lane.run({input}).ok());
  EXPECT_EQ(lane.slots[0].tensor.bytes.data(), given);
  const auto expected = values_of<float>(lane.slots[0].tensor);
  for (const std::int64_t wrong : {1, 5}) {
    lane.slots[0].tensor = room(DType::f32, Shape{wrong, wide});
    ASSERT_TRUE(lane.run({input}).ok());
    EXPECT_EQ(lane.slots[0].tensor.shape, Shape({3, wide}));
    EXPECT_EQ(values_of<float>(lane.slots[0].tensor), expected);
  }
  EXPECT_EQ(copies_.total(CopySite::gather), 0U) << "inputs are lent, not copied";
}

TEST_F(OpenvinoRun, InputsMayLieAnywhere) {
  OneLane lane = one_lane(load_both("matmul"));
  const std::int64_t width = lane.backend->signature().inputs[0].dims[1];
  const std::vector<float> values(static_cast<std::size_t>(2 * width), 0.5F);
  const Tensor straight = dense(DType::f32, Shape{2, width}, values);
  ASSERT_TRUE(lane.run({straight}).ok());
  const auto expected = values_of<float>(lane.slots[0].tensor);
  for (const std::size_t offset : {1, 2, 4, 12}) {
    std::vector<std::byte> memory(straight.bytes.size() + 16);
    std::memcpy(memory.data() + offset, values.data(), straight.bytes.size());
    Tensor shifted = straight;
    shifted.owner = nullptr;
    shifted.bytes = std::span<const std::byte>(memory).subspan(offset, straight.bytes.size());
    ASSERT_TRUE(lane.run({shifted}).ok()) << offset;
    EXPECT_EQ(values_of<float>(lane.slots[0].tensor), expected) << offset;
  }
}

TEST_F(OpenvinoRun, WrongTensorsAreErrorsAndTheNextRunIsNot) {
  OneLane lane = one_lane(load_both("matmul"));
  const std::int64_t width = lane.backend->signature().inputs[0].dims[1];
  const Tensor good =
      dense(DType::f32, Shape{1, width}, std::vector<float>(static_cast<std::size_t>(width), 1.0F));
  EXPECT_EQ(lane.run({}).code(), Code::internal);
  Tensor short_one = good;
  short_one.bytes = good.bytes.first(good.bytes.size() - sizeof(float));
  EXPECT_EQ(lane.run({short_one}).code(), Code::invalid_argument);
  const Tensor narrow = dense(DType::f32, Shape{1, width + 1},
                              std::vector<float>(static_cast<std::size_t>(width + 1), 1.0F));
  const Status refused = lane.run({narrow});
  EXPECT_EQ(refused.code(), Code::invalid_argument) << refused.to_string();
  EXPECT_TRUE(lane.run({good}).ok());
}

// OpenVINO keeps the run that failed for the next one on the same thread, whoever's that is, unless
// it is compiled without streams of its own.
TEST_F(OpenvinoRun, WhatDoesNotFitIsRefusedAndLeavesNothingForANeighbour) {
  Result<std::unique_ptr<Backend>> made = load_both("add");
  ASSERT_TRUE(made.ok()) << made.status().to_string();
  OneLane lane = one_lane(std::move(made));
  OneLane neighbour = one_lane(load_both("add"));
  const auto filled = [](Shape shape, float value) {
    const auto count = static_cast<std::size_t>(*shape.elements());
    return dense(DType::f32, std::move(shape), std::vector<float>(count, value));
  };
  const auto expect = [&](OneLane& one, float value) {
    const Status status = one.run({filled(Shape{2, 3}, value), filled(Shape{2, 3}, 1)});
    ASSERT_TRUE(status.ok()) << status.to_string();
    EXPECT_EQ(one.slots[0].tensor.shape, Shape({2, 3}));
    EXPECT_EQ(values_of<float>(one.slots[0].tensor), std::vector<float>(6, value + 1));
  };
  expect(lane, 1);
  expect(neighbour, 2);
  for (const std::int64_t columns : {2, 5}) {
    const Status refused = lane.run({filled(Shape{2, 3}, 3), filled(Shape{2, columns}, 1)});
    EXPECT_EQ(refused.code(), Code::invalid_argument) << refused.to_string();
    expect(neighbour, static_cast<float>(4 + columns));
    expect(lane, static_cast<float>(20 + columns));
  }
}

TEST_F(OpenvinoRun, AnInterruptedLaneRunsNoMore) {
  OneLane lane = one_lane(load_both("matmul"));
  const std::int64_t width = lane.backend->signature().inputs[0].dims[1];
  const Tensor input =
      dense(DType::f32, Shape{1, width}, std::vector<float>(static_cast<std::size_t>(width), 1.0F));
  ASSERT_TRUE(lane.run({input}).ok());
  lane.executor->interrupt();
  EXPECT_EQ(lane.run({input}).code(), Code::cancelled);
  auto other = lane.backend->make_executor();
  ASSERT_TRUE(other.ok());
  EXPECT_TRUE((*other)->run({&input, 1}, lane.slots).ok()) << "lanes are apart";
}

TEST_F(OpenvinoRun, InterruptingWhileRunningEndsEveryRun) {
  OneLane lane = one_lane(load_both("matmul"));
  const std::int64_t width = lane.backend->signature().inputs[0].dims[1];
  const Tensor input =
      dense(DType::f32, Shape{1, width}, std::vector<float>(static_cast<std::size_t>(width), 1.0F));
  std::atomic<bool> began{false};
  Status last;
  std::thread runner([&] {
    do {
      last = lane.run({input});
      began.store(true);
    } while (last.ok());
  });
  while (!began.load()) std::this_thread::yield();
  lane.executor->interrupt();
  runner.join();
  EXPECT_EQ(last.code(), Code::cancelled) << last.to_string();
}

TEST_F(OpenvinoRun, LanesRunAtOnceOnAnyThread) {
  Result<std::unique_ptr<Backend>> made = load_both("matmul");
  ASSERT_TRUE(made.ok()) << made.status().to_string();
  const std::int64_t width = (*made)->signature().inputs[0].dims[1];
  std::vector<std::thread> threads;
  std::atomic<int> right{0};
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      auto executor = (*made)->make_executor();
      if (!executor.ok()) return;
      std::vector<float> first;
      for (int i = 0; i < 20; ++i) {
        const std::int64_t rows = 1 + (i + t) % 4;
        const Tensor input =
            dense(DType::f32, Shape{rows, width},
                  std::vector<float>(static_cast<std::size_t>(rows * width), 2.0F));
        std::vector<OutputSlot> slots(1);
        slots[0].wanted = true;
        if (!(*executor)->run({&input, 1}, slots).ok()) return;
        const auto values = values_of<float>(slots[0].tensor);
        if (first.empty()) first = {values[0]};
        if (values[0] != first[0] || slots[0].tensor.shape[0] != rows) return;
      }
      right.fetch_add(1);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right.load(), 3);
}

TEST_F(OpenvinoRun, FewRowsHereManyThere) {
  Result<std::unique_ptr<Backend>> few = load("matmul");
  Result<std::unique_ptr<Backend>> many = load_both("matmul");
  ASSERT_TRUE(few.ok() && many.ok());
  const auto both = make_by_rows_backend(*std::move(few), *std::move(many), 4, 0.5);
  EXPECT_EQ(both->answer_spread(), 0.5);
  EXPECT_EQ(both->platform(), "onnxruntime_onnx");
  const std::int64_t width = both->signature().inputs[0].dims[1];
  auto executor = both->make_executor();
  ASSERT_TRUE(executor.ok());
  for (const std::int64_t rows : {3, 4}) {
    const std::uint64_t before = copies_.total(CopySite::small_output);
    const Tensor input = dense(DType::f32, Shape{rows, width},
                               std::vector<float>(static_cast<std::size_t>(rows * width), 2.0F));
    std::vector<OutputSlot> slots(1);
    slots[0].wanted = true;
    ASSERT_TRUE((*executor)->run({&input, 1}, slots).ok());
    // Only OpenVINO copies its outputs.
    EXPECT_EQ(copies_.total(CopySite::small_output) > before, rows == 4);
  }
  (*executor)->interrupt();
}

}  // namespace
}  // namespace mlops::testing
