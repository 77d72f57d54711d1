#include "net/errand.h"

#include <gtest/gtest.h>

#include <future>

#include "support/gated_errand.h"

namespace mlops {
namespace {

using testing::ErrandOwnerDouble;
using testing::GatedErrand;

class ErrandTest : public ::testing::Test {
 protected:
  Ref<GatedErrand> errand() {
    return make_ref<GatedErrand>(owner, turn, gate.get_future().share());
  }
  Ref<GatedErrand> errand(const std::shared_future<void>& at) {
    return make_ref<GatedErrand>(owner, turn, at);
  }
  // Opens letters until `count` errands came back.
  void await(std::size_t count) {
    while (owner.done.size() < count) {
      turn.mailbox.open_all();
      std::this_thread::yield();
    }
  }

  Turn turn;
  ErrandOwnerDouble owner;
  std::promise<void> gate;
};

TEST_F(ErrandTest, WorksElsewhereAndComesBack) {
  ErrandRunner runner(1, 8);
  const Ref<GatedErrand> one = errand();
  gate.set_value();
  auto worked = one->worked.get_future();
  ASSERT_TRUE(runner.take(one));
  EXPECT_NE(worked.get(), std::this_thread::get_id());
  EXPECT_FALSE(one->done());
  await(1);
  EXPECT_TRUE(one->done());
  EXPECT_EQ(owner.done, std::vector<Errand*>{one.get()});
}

TEST_F(ErrandTest, AbandonedErrandsTellNobody) {
  ErrandRunner runner(1, 8);
  const Ref<GatedErrand> one = errand();
  auto worked = one->worked.get_future();
  ASSERT_TRUE(runner.take(one));
  one->abandon();
  gate.set_value();
  worked.wait();
  runner.stop();
  turn.mailbox.open_all();
  EXPECT_TRUE(one->done());
  EXPECT_TRUE(owner.done.empty());
}

TEST_F(ErrandTest, WhatWaitsIsBoundedAndForgottenAtTheEnd) {
  ErrandRunner runner(1, 2);
  const std::shared_future<void> at = gate.get_future().share();
  const Ref<GatedErrand> running = errand(at);
  ASSERT_TRUE(runner.take(running));
  // The first may or may not have been taken up yet: of the next three at most two wait.
  int taken = 0;
  for (int i = 0; i < 4; ++i) taken += runner.take(errand(at)) ? 1 : 0;
  EXPECT_GE(taken, 1);
  EXPECT_LE(taken, 2);
  std::thread opener([this] { gate.set_value(); });
  runner.stop();
  opener.join();
  EXPECT_FALSE(runner.take(running));
  turn.mailbox.open_all();
}

}  // namespace
}  // namespace mlops
