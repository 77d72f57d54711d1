#include "request/pending.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "support/recording_call.h"

namespace mlops::testing {
namespace {

Ref<RecordingCall> call() { return make_ref<RecordingCall>(Request{}); }

TEST(Pending, IsAnsweredOnce) {
  auto pending = call();
  EXPECT_EQ(pending->state(), PendingState::queued);
  EXPECT_TRUE(pending->claim());
  EXPECT_FALSE(pending->claim());
  EXPECT_TRUE(pending->complete(Response{}));
  EXPECT_FALSE(pending->cancel());
  EXPECT_FALSE(pending->complete(Response{}));
  EXPECT_EQ(pending->deliveries(), 1);
  EXPECT_EQ(pending->outcome(), Code::ok);
}

TEST(Pending, CancelledBeforeClaimNeverRuns) {
  auto pending = call();
  pending->request.id = "abc";
  EXPECT_TRUE(pending->cancel());
  EXPECT_FALSE(pending->claim());
  EXPECT_EQ(pending->wait().status.code(), Code::cancelled);
  EXPECT_EQ(pending->wait().id, "abc");
  EXPECT_EQ(pending->outcome(), Code::cancelled);
}

TEST(Pending, RacersProduceOneAnswerAndOneOutcome) {
  for (int round = 0; round < 500; ++round) {
    auto pending = call();
    {
      std::vector<std::jthread> racers;
      racers.emplace_back([&] { pending->cancel(); });
      racers.emplace_back([&] { pending->fail(Status::deadline_exceeded("late")); });
      racers.emplace_back([&] {
        if (pending->claim()) pending->complete(Response{});
      });
    }
    EXPECT_EQ(pending->deliveries(), 1);
    EXPECT_EQ(pending->outcome(), pending->wait().status.code());
  }
}

}  // namespace
}  // namespace mlops::testing
