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

class CountingFollower final : public AnswerFollower {
 public:
  void answered(Pending& pending, const Response& response) noexcept override {
    EXPECT_TRUE(pending.done());
    code = response.status.code();
    told.fetch_add(1);
  }
  std::atomic<int> told{0};
  Code code = Code::internal;
};

TEST(Pending, TellsItsFollowerBeforeItDelivers) {
  auto pending = call();
  auto follower = make_ref<CountingFollower>();
  EXPECT_TRUE(pending->follow(follower));
  EXPECT_TRUE(pending->cancel());
  EXPECT_EQ(follower->told, 1);
  EXPECT_EQ(follower->code, Code::cancelled);
  EXPECT_FALSE(pending->unfollow());
  EXPECT_FALSE(pending->follow(follower));  // too late
  EXPECT_EQ(follower->told, 1);
  auto other = call();
  EXPECT_TRUE(other->follow(follower));
  EXPECT_TRUE(other->unfollow());
  EXPECT_TRUE(other->cancel());
  EXPECT_EQ(follower->told, 1);
}

TEST(Pending, AFollowerIsToldOnceOrKnowsThatItIsTooLate) {
  for (int round = 0; round < 500; ++round) {
    auto pending = call();
    auto follower = make_ref<CountingFollower>();
    bool follows = false;
    {
      std::vector<std::jthread> racers;
      racers.emplace_back([&] { pending->cancel(); });
      racers.emplace_back([&] { follows = pending->follow(follower); });
    }
    EXPECT_EQ(follower->told, follows ? 1 : 0);
  }
}

}  // namespace
}  // namespace mlops::testing
