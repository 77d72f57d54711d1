#include "execute/by_values_backend.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "support/function_backend.h"

namespace mlops::testing {
namespace {

constexpr float kBeyondAll = std::numeric_limits<float>::infinity();

class ByValues : public ::testing::Test {
 protected:
  // Says which of the two ran: the first answers 1 everywhere, the other 2.
  FunctionBackend::Function all(float answer) {
    return [answer](std::vector<float>& values) {
      for (float& v : values) v = answer;
      return answer == failing_ ? Status::internal("failed") : Status();
    };
  }
  std::shared_ptr<Backend> backend(float answer) {
    return std::make_shared<FunctionBackend>(all(answer), clock_, FunctionBackend::cost(1, 0));
  }
  Result<float> answer(const std::vector<float>& values) {
    const Tensor input =
        dense(DType::f32, Shape{static_cast<std::int64_t>(values.size()) / 4, 4}, values);
    std::vector<OutputSlot> slots(1);
    slots[0].wanted = true;
    if (Status s = executor_->run({&input, 1}, slots); !s.ok()) return s;
    return values_of<float>(slots[0].tensor).front();
  }

  FakeClock clock_;
  static inline float failing_ = 0;
  const std::unique_ptr<Backend> both_ = make_by_values_backend(backend(1), backend(2), 4096, 0.5);
  const std::unique_ptr<Executor> executor_ = *both_->make_executor();
};

TEST_F(ByValues, WhatIsOrdinaryRunsThereAndTheRestHere) {
  EXPECT_EQ(answer({0, -1, 4096, -4096}).value(), 2);
  for (const float odd : {std::nanf(""), kBeyondAll, -kBeyondAll, 4097.0F, -1e30F}) {
    EXPECT_EQ(answer({0, 1, 2, 3, 4, 5, 6, odd}).value(), 1) << odd;
    EXPECT_EQ(answer({0, 1, 2, 3}).value(), 2) << "the next run is not touched by it";
  }
  EXPECT_EQ(both_->runs_set_aside(), 5U);
  EXPECT_EQ(backend(1)->runs_set_aside(), std::nullopt);
}

TEST_F(ByValues, AFailureIsThatOfWhatRan) {
  failing_ = 2;
  EXPECT_FALSE(answer({0, 0, 0, 0}).ok());
  EXPECT_EQ(answer({kBeyondAll, 0, 0, 0}).value(), 1);
  failing_ = 0;
}

TEST_F(ByValues, IsTheModelOfTheFirst) {
  EXPECT_EQ(both_->platform(), "function");
  EXPECT_EQ(both_->answer_spread(), 0.5);
  EXPECT_EQ(both_->signature().inputs[0].name, "in");
}

}  // namespace
}  // namespace mlops::testing
