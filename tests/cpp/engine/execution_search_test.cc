#include "engine/execution_search.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/function_backend.h"
#include "support/temporary_folder.h"

namespace mlops::testing {
namespace {

class ExecutionSearchTest : public ::testing::Test {
 protected:
  using Function = FunctionBackend::Function;
  using Cost = FunctionBackend::Cost;
  static constexpr auto same = FunctionBackend::same;
  static constexpr auto cost = FunctionBackend::cost;

  struct Other {
    Function function = same;
    Cost cost;
    Duration compile{0};
  };

  ExecutionFound search(const Cost& reference, const Other& f32, const Other& bf16) {
    ExecutionParts parts;
    parts.cache = &cache_;
    parts.clock = &clock_;
    parts.ort_version = "1";
    parts.openvino = [&](const std::string&) -> Result<OtherBackend> {
      ++opened_;
      return OtherBackend{
          "2", true,
          [&](const Backend&, const OpenvinoOptions& options) -> Result<std::unique_ptr<Backend>> {
            const bool half = options.precision == OpenvinoPrecision::bf16;
            const Other& other = half ? bf16 : f32;
            loaded_.push_back(half ? "bf16" : "f32");
            clock_.advance(other.compile);
            return std::unique_ptr<Backend>(
                std::make_unique<FunctionBackend>(other.function, clock_, other.cost));
          }};
    };
    FunctionBackend loaded(same, clock_, reference);
    return find_execution(loaded, source_, wish_, parts);
  }
  ExecutionFound search(const Cost& reference, const Other& f32) {
    return search(reference, f32, f32);
  }

  static Function off_by(double share) {
    return [share](std::vector<float>& values) {
      for (float& v : values) v = static_cast<float>(v * (1 + share));
      return Status();
    };
  }

  void remember() {
    source_.path = folder_.path() / "model.onnx";
    folder_.file("model.onnx", "any bytes");
  }

  TemporaryFolder folder_;
  FakeClock clock_;
  ExecutionCache cache_{folder_.path().string()};
  ModelSource source_;
  ExecutionWish wish_;
  int opened_ = 0;
  std::vector<std::string> loaded_;
};

using By = ExecutionVerdict::By;

TEST_F(ExecutionSearchTest, TakesWhatIsFasterInsideTheGateAndNothingElse) {
  EXPECT_EQ(search(cost(1000, 100), {same, cost(500, 50)}).verdict.by, By::openvino);
  EXPECT_EQ(search(cost(1000, 100), {same, cost(1000, 100)}).verdict.by, By::onnxruntime)
      << "a tie";
  EXPECT_EQ(search(cost(1000, 100), {same, cost(970, 97)}).verdict.by, By::onnxruntime)
      << "nearly one";
  EXPECT_EQ(search(cost(1000, 100), {off_by(1e-5), cost(500, 50)}).verdict.by, By::openvino);
  EXPECT_EQ(search(cost(1000, 100), {off_by(3e-5), cost(500, 50)}).verdict.by, By::onnxruntime);
  const ExecutionFound large = search(cost(1000, 100), {same, cost(1300, 50)});
  EXPECT_EQ(large.verdict.by, By::openvino);
  EXPECT_EQ(large.verdict.from_rows, 8);
}

TEST_F(ExecutionSearchTest, HalfPrecisionIsTriedOnlyWhereAnswersMayDiffer) {
  const Other f32{same, cost(500, 50)};
  const Other bf16{off_by(5e-3), cost(100, 10)};
  EXPECT_EQ(search(cost(1000, 100), f32, bf16).verdict.by, By::openvino);
  EXPECT_EQ(loaded_, std::vector<std::string>{"f32"});
  wish_.precision = Precision::automatic;
  EXPECT_EQ(search(cost(1000, 100), f32, bf16).verdict.by, By::openvino_bf16);
  wish_.accuracy_gate = 1e-3;
  EXPECT_EQ(search(cost(1000, 100), f32, bf16).verdict.by, By::openvino);
}

TEST_F(ExecutionSearchTest, AModelWithNothingToGainIsNotTriedUnlessSomebodyAsks) {
  const ExecutionFound found = search(cost(5, 1), {same, cost(1, 0)});
  EXPECT_EQ(found.verdict.by, By::onnxruntime);
  EXPECT_EQ(opened_, 0) << found.verdict.reason;
  wish_.precision = Precision::automatic;
  EXPECT_NE(search(cost(5, 1), {same, cost(1, 0)}).verdict.by, By::onnxruntime);
}

TEST_F(ExecutionSearchTest, WhatIsNotTriedInTimeIsNotChosen) {
  wish_.precision = Precision::automatic;
  const TimePoint before = clock_.now();
  Other f32{same, cost(800, 50)};
  Other bf16{same, cost(10, 1)};
  f32.compile = std::chrono::seconds(6);
  const ExecutionFound found = search(cost(1000, 100), f32, bf16);
  EXPECT_EQ(found.verdict.by, By::onnxruntime) << found.verdict.reason;
  EXPECT_EQ(found.other, nullptr);
  EXPECT_EQ(loaded_, std::vector<std::string>{"f32"}) << "no time to compile another";
  EXPECT_LE(clock_.now() - before, std::chrono::seconds(7));
  f32.compile = std::chrono::seconds(0);
  bf16.compile = std::chrono::seconds(6);
  EXPECT_EQ(search(cost(1000, 100), f32, bf16).verdict.by, By::openvino)
      << "what was tried before counts";
}

// Whatever the models cost, the search ends in time, but for what it cannot break off.
TEST_F(ExecutionSearchTest, KeepsItsBudget) {
  wish_.precision = Precision::automatic;
  for (const std::int64_t us : {20, 300, 5'000, 60'000, 400'000, 1'500'000}) {
    Other other{same, cost(us / 2, us / 4)};
    other.compile = std::chrono::milliseconds(500);
    const TimePoint before = clock_.now();
    (void)search(cost(us, us / 2), other);
    // A probe of the model, a compilation and a run are not broken off.
    const Duration most = kTrialBudget + std::chrono::microseconds(us * 60) + 2 * other.compile;
    EXPECT_LE(clock_.now() - before, most) << us;
  }
}

TEST_F(ExecutionSearchTest, RemembersWhatItFoundButNotWhatItHadNoTimeFor) {
  remember();
  Other other{same, cost(500, 50)};
  other.compile = std::chrono::seconds(6);
  EXPECT_EQ(search(cost(1000, 100), other).verdict.by, By::onnxruntime);
  other.compile = Duration{0};
  EXPECT_EQ(search(cost(1000, 100), other).verdict.by, By::openvino);
  const std::size_t tried = loaded_.size();
  const ExecutionFound again = search(cost(1000, 100), {same, cost(9000, 900)});
  EXPECT_EQ(again.verdict.by, By::openvino) << "by what was found, not by another trial";
  EXPECT_NE(again.verdict.reason.find("earlier load"), std::string::npos);
  EXPECT_EQ(loaded_.size(), tried + 1) << "compiled once, to run";
  folder_.file("model.onnx", "other bytes");
  EXPECT_EQ(search(cost(1000, 100), {same, cost(9000, 900)}).verdict.by, By::onnxruntime);
}

// The other answers 0 to NaN: it gets what is ordinary, and ONNX Runtime the rest, at every load.
TEST_F(ExecutionSearchTest, WhatHidesNaNIsKeptFromIt) {
  remember();
  bool other_ran = false;
  const Function hides = [&](std::vector<float>& values) {
    other_ran = true;
    for (float& v : values) v = std::isnan(v) ? 0 : v;
    return Status();
  };
  const auto reference = std::make_shared<FunctionBackend>(same, clock_, cost(1, 0));
  for (const char* when : {"tried", "found at an earlier load"}) {
    ExecutionFound found = search(cost(1000, 100), {hides, cost(1500, 10)});
    EXPECT_EQ(found.verdict.by, By::openvino) << found.verdict.reason;
    EXPECT_EQ(found.verdict.from_rows, 8);
    EXPECT_NE(found.verdict.reason.find("stays loaded"), std::string::npos);
    const auto both = composed(reference, found, wish_);
    const std::unique_ptr<Executor> executor = *both->make_executor();
    for (const std::int64_t rows : {1, 8}) {
      for (const float value : {0.5F, std::nanf("")}) {
        std::vector<float> values(static_cast<std::size_t>(rows) * 4, 1);
        values.back() = value;
        const Tensor input = dense(DType::f32, Shape{rows, 4}, values);
        std::vector<OutputSlot> slots(1);
        slots[0].wanted = true;
        other_ran = false;
        ASSERT_TRUE(executor->run({&input, 1}, slots).ok());
        EXPECT_EQ(other_ran, rows == 8 && !std::isnan(value)) << when;
        EXPECT_EQ(std::isnan(values_of<float>(slots[0].tensor).back()), std::isnan(value)) << when;
      }
    }
  }
}

TEST_F(ExecutionSearchTest, SaysWhatWasTriedAndWhatCameOfIt) {
  wish_.precision = Precision::automatic;
  const ExecutionFound won = search(cost(1000, 100), {same, cost(500, 50)}, {same, cost(100, 10)});
  EXPECT_EQ(won.verdict.reason,
            "runs in OpenVINO in BF16: ONNX Runtime is the measure, 10 times as fast for 1 row, 10 "
            "times as fast for 8 rows, 10 times as fast for 32 rows, largest difference 0; also "
            "tried: OpenVINO: 2 times as fast for 1 row, 2 times as fast for 8 rows, 2 times as "
            "fast for 32 rows, largest difference 0");
  const ExecutionFound out =
      search(cost(1000, 100), {same, cost(500, 50)}, {off_by(0.5), cost(1, 1)});
  EXPECT_NE(out.verdict.reason.find("also tried: OpenVINO in BF16: output 'out' differs by 0.5"),
            std::string::npos)
      << out.verdict.reason;
  ASSERT_EQ(out.tried.size(), 2);
  EXPECT_EQ(out.tried[0].name, "OpenVINO");
  EXPECT_EQ(out.tried[0].refused, "");
  ASSERT_EQ(out.tried[0].times.size(), 3);
  EXPECT_EQ(out.tried[0].times[1].rows, 8);
  EXPECT_DOUBLE_EQ(out.tried[0].times[1].speed_up, 2);
  EXPECT_NE(out.tried[1].refused.find("differs by 0.5"), std::string::npos);
  EXPECT_TRUE(out.tried[1].times.empty());
}

// Whoever merges requests relies on what was seen of ONNX Runtime.
TEST_F(ExecutionSearchTest, RowsThatInfluenceEachOtherOnlyThereKeepItOut) {
  const auto leak = [](std::vector<float>& values) {
    for (std::size_t i = 4; i < values.size(); ++i) values[i] += values[0];
    return Status();
  };
  EXPECT_EQ(search(cost(1000, 100), {leak, cost(500, 50)}).verdict.by, By::onnxruntime);
}

}  // namespace
}  // namespace mlops::testing
