#include "execute/succession_backend.h"

#include <gtest/gtest.h>

#include <thread>

#include "support/function_backend.h"

namespace mlops::testing {
namespace {

// Adds a number of its own, so that an answer says who gave it; counts what there is of it.
class AddingBackend final : public Backend {
 public:
  AddingBackend(float number, std::atomic<int>& alive) : number_(number), alive_(alive) {
    ++alive_;
  }
  ~AddingBackend() override { --alive_; }
  const Signature& signature() const override { return signature_; }
  std::string_view platform() const override { return "adding"; }
  Result<std::unique_ptr<Executor>> make_executor() override {
    if (fails) return Status::resource_exhausted("no more");
    return std::unique_ptr<Executor>(std::make_unique<Lane>(number_, alive_));
  }
  bool fails = false;

 private:
  class Lane final : public Executor {
   public:
    Lane(float number, std::atomic<int>& alive) : number_(number), alive_(alive) { ++alive_; }
    ~Lane() override { --alive_; }
    Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override {
      if (interrupted_.load()) return Status::cancelled("interrupted");
      auto values = values_of<float>(inputs[0]);
      for (float& value : values) value += number_;
      outputs[0].tensor = dense(DType::f32, inputs[0].shape, values);
      return {};
    }
    void interrupt() override { interrupted_.store(true); }

   private:
    const float number_;
    std::atomic<int>& alive_;
    std::atomic<bool> interrupted_{false};
  };

  const float number_;
  std::atomic<int>& alive_;
  const Signature signature_ = echo_signature();
};

class SuccessionTest : public ::testing::Test {
 protected:
  static Result<float> answer_of(Executor& executor) {
    const std::vector<Tensor> inputs = {
        dense(DType::f32, *Shape::from({{1, 4}}), std::vector<float>{0, 0, 0, 0})};
    std::vector<OutputSlot> outputs(1);
    outputs[0].wanted = true;
    if (Status s = executor.run(inputs, outputs); !s.ok()) return s;
    return values_of<float>(outputs[0].tensor)[0];
  }
  std::shared_ptr<AddingBackend> second() { return std::make_shared<AddingBackend>(2, seconds_); }
  static void nothing(Executor&) {}

  std::atomic<int> firsts_{0};
  std::atomic<int> seconds_{0};
  std::shared_ptr<Succession> succession_ =
      std::make_shared<Succession>(std::make_shared<AddingBackend>(1.0F, firsts_));
  std::unique_ptr<Backend> backend_ = make_succession_backend(succession_);
};

TEST_F(SuccessionTest, EveryLaneGoesOverAtItsNextRunAndTheFirstIsFreed) {
  auto one = *backend_->make_executor();
  auto two = *backend_->make_executor();
  EXPECT_EQ(*answer_of(*one), 1);
  int prepared = 0;
  ASSERT_TRUE(
      succession_->pass_to(second(), [&](Executor& e) { prepared += *answer_of(e) == 2; }).ok());
  EXPECT_EQ(prepared, 2) << "tried before anybody runs it";
  EXPECT_EQ(backend_->passed(), 1U);
  EXPECT_EQ(succession_->first(), nullptr);
  EXPECT_EQ(*answer_of(*one), 2);
  EXPECT_GT(firsts_, 0) << "the other lane has not run yet";
  EXPECT_EQ(*answer_of(*two), 2);
  EXPECT_EQ(firsts_, 0);
  auto three = *backend_->make_executor();
  EXPECT_EQ(*answer_of(*three), 2);
}

TEST_F(SuccessionTest, AFailureChangesNothing) {
  auto one = *backend_->make_executor();
  auto next = second();
  next->fails = true;
  EXPECT_FALSE(succession_->pass_to(next, nothing).ok());
  next = nullptr;
  EXPECT_EQ(*answer_of(*one), 1);
  EXPECT_EQ(seconds_, 0);
  EXPECT_NE(succession_->first(), nullptr);
}

TEST_F(SuccessionTest, OutlivesTheVersionWhoseTrialItIs) {
  auto one = *backend_->make_executor();
  one = nullptr;
  backend_ = nullptr;
  EXPECT_NE(succession_->first(), nullptr);
  EXPECT_TRUE(succession_->pass_to(second(), nothing).ok());
  succession_ = nullptr;
  EXPECT_EQ(firsts_ + seconds_, 0);
}

TEST_F(SuccessionTest, AnInterruptionCountsForWhoeverTakesOver) {
  auto one = *backend_->make_executor();
  one->interrupt();
  EXPECT_EQ(answer_of(*one).status().code(), Code::cancelled);
  ASSERT_TRUE(succession_->pass_to(second(), nothing).ok());
  EXPECT_EQ(answer_of(*one).status().code(), Code::cancelled);
}

// Lanes run, come and go while another takes over: every run is answered by one of the two, and
// after the first answer of the second never again by the first.
TEST_F(SuccessionTest, NoRunIsLostWhileItHappens) {
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> lanes;
  for (int i = 0; i < 3; ++i) {
    lanes.emplace_back([&, comes_and_goes = i == 2] {
      auto executor = *backend_->make_executor();
      float last = 1;
      while (!stop.load() || last != 2) {
        const Result<float> answer = answer_of(*executor);
        if (!answer.ok() || *answer < last || *answer > 2) ++wrong;
        if (answer.ok()) last = *answer;
        if (comes_and_goes) executor = *backend_->make_executor();
      }
    });
  }
  ASSERT_TRUE(succession_->pass_to(second(), nothing).ok());
  stop.store(true);
  for (std::thread& lane : lanes) lane.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(firsts_, 0);
}

}  // namespace
}  // namespace mlops::testing
