#include "engine/execution_trial.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

#include "support/fake_clock.h"
#include "support/requests.h"

namespace mlops::testing {
namespace {

// A model of one input, as a function on its values; each run takes a time of the test's choice.
class FunctionBackend final : public Backend {
 public:
  using Function = std::function<Status(std::vector<float>&)>;

  FunctionBackend(Function function, FakeClock& clock, std::function<Duration(std::int64_t)> cost,
                  Signature signature = echo_signature())
      : function_(std::move(function)),
        clock_(clock),
        cost_(std::move(cost)),
        signature_(std::move(signature)) {}

  const Signature& signature() const override { return signature_; }
  std::string_view platform() const override { return "function"; }
  Result<std::unique_ptr<Executor>> make_executor() override {
    return std::unique_ptr<Executor>(std::make_unique<Lane>(*this));
  }

 private:
  class Lane final : public Executor {
   public:
    explicit Lane(FunctionBackend& backend) : backend_(backend) {}
    Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override {
      const Tensor& input = inputs.front();
      std::vector<float> values;
      if (input.dtype == DType::i64) {
        for (const std::int64_t v : values_of<std::int64_t>(input)) {
          values.push_back(static_cast<float>(v));
        }
      } else {
        values = values_of<float>(input);
      }
      backend_.clock_.advance(backend_.cost_(input.shape[0]));
      if (Status s = backend_.function_(values); !s.ok()) return s;
      outputs.front().tensor = dense(DType::f32, input.shape, values);
      return {};
    }

   private:
    FunctionBackend& backend_;
  };

  const Function function_;
  FakeClock& clock_;
  const std::function<Duration(std::int64_t)> cost_;
  const Signature signature_;
};

class ExecutionTrialTest : public ::testing::Test {
 protected:
  static Status same(std::vector<float>&) { return {}; }
  static auto cost(std::int64_t us, std::int64_t us_per_row) {
    return [=](std::int64_t rows) -> Duration {
      return std::chrono::microseconds(us + us_per_row * rows);
    };
  }

  Result<ExecutionTrial> trial(FunctionBackend::Function theirs, FunctionBackend::Function ours,
                               const Signature& signature = echo_signature()) {
    FunctionBackend reference(std::move(theirs), clock_, cost(10, 2), signature);
    FunctionBackend other(std::move(ours), clock_, cost(20, 1), signature);
    return try_execution(reference, other, terms_, clock_);
  }

  static Signature of_integers() {
    return {{spec("in", DType::i64, {kAnySize, 4})}, {spec("out", DType::f32, {kAnySize, 4})}};
  }

  FakeClock clock_;
  ExecutionTerms terms_{1e-5, false, std::chrono::seconds(1)};
};

TEST_F(ExecutionTrialTest, TimesBothForOneRowAndMany) {
  const auto found = trial(same, same);
  ASSERT_TRUE(found.ok()) << found.status().to_string();
  EXPECT_EQ(found->difference, "");
  EXPECT_EQ(found->worst, 0);
  ASSERT_EQ(found->times.size(), 3U);
  EXPECT_NEAR(found->times[0].speed_up, 12.0 / 21, 1e-6);
  EXPECT_NEAR(found->times[1].speed_up, 26.0 / 28, 1e-6);
  EXPECT_NEAR(found->times[2].speed_up, 74.0 / 52, 1e-6);
  EXPECT_EQ(faster_from(found->times), 32);
}

// Whatever the error: an answer is let through if and only if it is inside the gate.
TEST_F(ExecutionTrialTest, NothingOutsideTheGatePasses) {
  std::mt19937 random(5);
  for (int i = 0; i < 200; ++i) {
    const double exponent = -8 + 8 * std::generate_canonical<double, 32>(random);
    const double error = std::pow(10.0, exponent) * (i % 2 == 0 ? 1 : -1);
    const auto found = trial(same, [error](std::vector<float>& values) {
      for (float& v : values) v = static_cast<float>(v * (1 + error));
      return Status();
    });
    ASSERT_TRUE(found.ok());
    const double size = std::abs(error);
    if (size > terms_.tolerance * 1.05) {
      EXPECT_NE(found->difference, "") << error;
    } else if (size < terms_.tolerance * 0.9) {
      EXPECT_EQ(found->difference, "") << error;
      EXPECT_LE(found->worst, terms_.tolerance);
    }
  }
}

TEST_F(ExecutionTrialTest, OneWrongValueOfNegativeRowsIsFound) {
  const auto found = trial(same, [](std::vector<float>& values) {
    for (float& v : values) v = std::max(v, 0.0F);
    return Status();
  });
  ASSERT_TRUE(found.ok());
  EXPECT_NE(found->difference.find("output 'out'"), std::string::npos) << found->difference;
}

TEST_F(ExecutionTrialTest, NaNIsADifferenceUnlessBothSaySo) {
  const auto nan = [](std::vector<float>& values) {
    values[0] = std::nanf("");
    return Status();
  };
  EXPECT_NE(trial(same, nan)->difference, "");
  EXPECT_NE(trial(nan, same)->difference, "");
  EXPECT_EQ(trial(nan, nan)->difference, "");
}

TEST_F(ExecutionTrialTest, WhatTheReferenceRefusesMustBeRefused) {
  const auto index = [](std::vector<float>& values) {
    for (const float v : values) {
      if (v < 0 || v > 9) return Status::invalid_argument("indices out of bounds");
    }
    return Status();
  };
  const auto found = trial(index, same, of_integers());
  EXPECT_NE(found->difference.find("which ONNX Runtime refuses"), std::string::npos)
      << found->difference;
  EXPECT_EQ(trial(index, index, of_integers())->difference, "");
  terms_.may_refuse = true;
  EXPECT_EQ(trial(index, same, of_integers())->difference, "");
  EXPECT_NE(trial(same, index, of_integers())->difference, "") << "it fails where it must not";
}

TEST_F(ExecutionTrialTest, AModelThatRefusesMadeUpRowsIsNotTried) {
  const auto never = [](std::vector<float>&) { return Status::invalid_argument("no"); };
  EXPECT_FALSE(trial(never, same).ok());
}

TEST_F(ExecutionTrialTest, ASlowModelIsTriedOnOneRowOnly) {
  FunctionBackend reference(same, clock_, cost(400'000, 0));
  FunctionBackend other(same, clock_, cost(100'000, 0));
  const TimePoint before = clock_.now();
  const auto found = try_execution(reference, other, terms_, clock_);
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->times.size(), 1U);
  EXPECT_NEAR(found->times[0].speed_up, 4, 1e-6);
  EXPECT_LE(clock_.now() - before, std::chrono::seconds(5));
}

TEST(FasterFrom, IsTheLeastSizeFromWhichAllAreFaster) {
  EXPECT_EQ(faster_from({{1, 2}, {8, 2}, {32, 2}}), 1);
  EXPECT_EQ(faster_from({{1, 0.5}, {8, 2}, {32, 2}}), 8);
  EXPECT_EQ(faster_from({{1, 2}, {8, 0.9}, {32, 2}}), 32);
  EXPECT_EQ(faster_from({{1, 2}, {8, 2}, {32, 1.01}}), 0) << "not worth it";
  EXPECT_EQ(faster_from({}), 0);
}

}  // namespace
}  // namespace mlops::testing
