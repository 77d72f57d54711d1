#include "engine/execution_trials.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <memory>
#include <thread>
#include <vector>

namespace mlops::testing {
namespace {

TEST(ExecutionTrials, RunOneAfterTheOther) {
  ExecutionTrials trials;
  std::vector<int> order;
  std::atomic<int> at_once{0};
  for (int i = 0; i < 20; ++i) {
    trials.add([&, i](const std::stop_token&) {
      EXPECT_EQ(at_once.fetch_add(1), 0);
      order.push_back(i);
      at_once.fetch_sub(1);
    });
    if (i % 5 != 4) continue;
    EXPECT_TRUE(trials.wait_done(kNever));  // the thread ends, and is made again
  }
  EXPECT_TRUE(trials.wait_done(kNever));
  ASSERT_EQ(order.size(), 20U);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(ExecutionTrials, StoppingBreaksOffWhatRunsAndForgetsTheRest) {
  ExecutionTrials trials;
  std::latch began(1);
  std::atomic<int> ran{0};
  trials.add([&](const std::stop_token& stop) {
    began.count_down();
    while (!stop.stop_requested()) std::this_thread::yield();
    ++ran;
  });
  trials.add([&](const std::stop_token&) { ++ran; });
  began.wait();
  EXPECT_FALSE(trials.wait_done(TimePoint()));
  trials.stop();
  EXPECT_EQ(ran, 1);
  trials.add([&](const std::stop_token&) { ++ran; });
  EXPECT_TRUE(trials.wait_done(kNever));
  EXPECT_EQ(ran, 1);
}

TEST(ExecutionTrials, OneThatListensToNobodyHoldsUpOnlyWhoWaits) {
  ExecutionTrials trials;
  std::latch began(1);
  std::latch compiled(1);
  trials.add([&](const std::stop_token&) {
    began.count_down();
    compiled.wait();
  });
  trials.add([](const std::stop_token&) { ADD_FAILURE() << "tried after the stop"; });
  began.wait();
  trials.request_stop();
  EXPECT_FALSE(trials.wait_done(TimePoint()));
  compiled.count_down();
  EXPECT_TRUE(trials.wait_done(kNever));
}

TEST(ExecutionTrials, ATrialMayHoldTheLastReference) {
  ExecutionTrials trials;
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> seen = held;
  trials.add([held = std::move(held)](const std::stop_token&) {});
  EXPECT_TRUE(trials.wait_done(kNever));
  EXPECT_TRUE(seen.expired());
}

}  // namespace
}  // namespace mlops::testing
