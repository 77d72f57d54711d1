#include "engine/execution_trial.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

#include "support/function_backend.h"

namespace mlops::testing {
namespace {

class ExecutionTrialTest : public ::testing::Test {
 protected:
  static Status same(std::vector<float>&) { return {}; }
  static constexpr auto cost = FunctionBackend::cost;

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
  ExecutionTerms terms_{1e-5, false, false, std::chrono::seconds(1), {}};
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

// As OpenVINO's Relu does.
TEST_F(ExecutionTrialTest, WhatMakesANumberOfNaNMayRunOrdinaryValues) {
  float largest = 0;
  const auto hides = [&](std::vector<float>& values) {
    for (float& v : values) {
      if (std::isfinite(v)) largest = std::max(largest, std::abs(v));
      v = std::isnan(v) ? 0 : v;
    }
    return Status();
  };
  const auto found = trial(same, hides);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->difference, "");
  EXPECT_EQ(found->magnitude_max, std::int64_t{1} << 31);
  EXPECT_EQ(largest, 0x1p31F) << "it was compared at the limit";
  EXPECT_NE(found->limited_by.find("rows with nan"), std::string::npos) << found->limited_by;
  EXPECT_EQ(found->times.size(), 3U);
  terms_.may_hide = true;
  EXPECT_EQ(trial(same, hides)->magnitude_max, 0);
}

// A sum of finite products can be infinite: then a limit on the inputs has to be a lower one.
TEST_F(ExecutionTrialTest, TheLimitIsOneAtWhichBothWereSeenToAgree) {
  const auto differs_beyond = [](float most) {
    return [most](std::vector<float>& values) {
      for (float& v : values) v = std::abs(v) <= most ? v : 0;
      return Status();
    };
  };
  EXPECT_EQ(trial(same, differs_beyond(1e10F))->magnitude_max, std::int64_t{1} << 31);
  EXPECT_EQ(trial(same, differs_beyond(1e6F))->magnitude_max, std::int64_t{1} << 12);
  const auto never = trial(same, differs_beyond(1e3F));
  EXPECT_NE(never->difference.find("rows with 4096"), std::string::npos) << never->difference;
}

TEST_F(ExecutionTrialTest, WhatAnswersNaNAlikeHasNoLimit) {
  EXPECT_EQ(trial(same, same)->magnitude_max, 0);
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

TEST_F(ExecutionTrialTest, ASlowModelIsTriedInTheSizesThatThereIsTimeFor) {
  terms_.time_max = std::chrono::seconds(5);
  FunctionBackend reference(same, clock_, cost(100'000, 100'000));
  FunctionBackend other(same, clock_, cost(40'000, 10'000));
  const TimePoint before = clock_.now();
  const auto found = try_execution(reference, other, terms_, clock_);
  ASSERT_TRUE(found.ok()) << found.status().to_string();
  ASSERT_EQ(found->times.size(), 1U) << "eight rows take a second";
  EXPECT_NEAR(found->times[0].speed_up, 4, 1e-6);
  EXPECT_LE(clock_.now() - before, terms_.time_max + std::chrono::seconds(1)) << "the last run";
}

TEST_F(ExecutionTrialTest, WhatCannotBeTriedInTimeIsNotChosen) {
  FunctionBackend reference(same, clock_, cost(400'000, 0));
  FunctionBackend other(same, clock_, cost(100'000, 0));
  const TimePoint before = clock_.now();
  const auto found = try_execution(reference, other, terms_, clock_);
  EXPECT_EQ(found.status().code(), Code::deadline_exceeded);
  EXPECT_LE(clock_.now() - before, terms_.time_max + std::chrono::milliseconds(500));
}

TEST_F(ExecutionTrialTest, IsBrokenOffWhenTold) {
  std::stop_source stop;
  terms_.stop = stop.get_token();
  const auto found = trial(same, [&](std::vector<float>&) {
    stop.request_stop();
    return Status();
  });
  EXPECT_EQ(found.status().code(), Code::cancelled);
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
