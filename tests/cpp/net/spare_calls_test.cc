// A call that is used again must be as a new one, whatever became of it before.
#include <gtest/gtest.h>

#include <thread>

#include "net/call.h"
#include "net/spare_calls.h"

namespace mlops::testing {
namespace {

class Listener final : public CallOwner {
 public:
  void call_answered(Call& call) noexcept override {
    last = call.take_response();
    ++heard;
  }
  Response last;
  int heard = 0;
};

class KeptCall final : public Call {
 public:
  static Ref<KeptCall> make(CallOwner& owner, Turn& turn) {
    KeptCall* call = SpareCalls<KeptCall>::take();
    if (!call) return Ref<KeptCall>::adopt(new KeptCall(owner, turn));
    call->revive();
    call->begin(owner, turn);
    return Ref<KeptCall>::adopt(call);
  }
  ~KeptCall() override { ++destroyed; }
  static inline std::atomic<int> destroyed{0};

 private:
  friend class SpareCalls<KeptCall>;
  using Call::Call;
  void renew() { Call::renew(); }
  void last_ref_gone() override {
    if (!SpareCalls<KeptCall>::keep(*this)) delete this;
  }
};

Buffer some_bytes() { return allocate_buffer(64); }

TEST(SpareCalls, TheNextCallIsTheSameMemoryAndKnowsNothingOfTheLast) {
  Turn turn;
  Listener listener;
  const Buffer body = some_bytes();
  auto call = KeptCall::make(listener, turn);
  const KeptCall* const first = call.get();
  call->request.model = "one";
  call->request.id = "secret";
  call->request.keep_alive.push_back(body);
  call->request.inputs.push_back({"in", {}});
  call->request.parameters.push_back({"priority", std::int64_t{1}});
  call->request.deadline = TimePoint{} + std::chrono::seconds(1);
  call->start_trace({}, {}, {});
  ASSERT_TRUE(call->claim());
  Response response;
  response.model = "one";
  ASSERT_TRUE(call->complete(std::move(response)));
  EXPECT_EQ(listener.heard, 1);
  call = nullptr;
  EXPECT_TRUE(body->unique()) << "a spare call still holds the bytes of its request";

  Listener other;
  call = KeptCall::make(other, turn);
  EXPECT_EQ(call.get(), first);
  EXPECT_EQ(call->state(), PendingState::queued);
  EXPECT_FALSE(call->answered());
  EXPECT_EQ(call->trace(), nullptr);
  EXPECT_EQ(call->timeline, nullptr);
  EXPECT_TRUE(call->request.model.empty());
  EXPECT_TRUE(call->request.id.empty());
  EXPECT_TRUE(call->request.inputs.empty());
  EXPECT_TRUE(call->request.parameters.empty());
  EXPECT_TRUE(call->request.keep_alive.empty());
  EXPECT_EQ(call->request.deadline, kNever);
  EXPECT_EQ(call->request.version, kAnyVersion);
  ASSERT_TRUE(call->claim());
  ASSERT_TRUE(call->complete({}));
  EXPECT_EQ(other.heard, 1);
  EXPECT_EQ(listener.heard, 1);
}

TEST(SpareCalls, OneThatWasAbandonedTellsNobodyLater) {
  Turn turn;
  Listener gone;
  auto call = KeptCall::make(gone, turn);
  EXPECT_TRUE(call->abandon());
  call = nullptr;
  Listener listener;
  call = KeptCall::make(listener, turn);
  ASSERT_TRUE(call->claim());
  ASSERT_TRUE(call->complete({}));
  EXPECT_EQ(gone.heard, 0);
  EXPECT_EQ(listener.heard, 1);
  EXPECT_TRUE(listener.last.status.ok());
}

TEST(SpareCalls, AThreadThatMakesNoneKeepsNone) {
  Turn turn;
  Listener listener;
  auto call = KeptCall::make(listener, turn);
  const int before = KeptCall::destroyed;
  std::thread([&call] { call = nullptr; }).join();
  EXPECT_EQ(KeptCall::destroyed, before + 1);
}

TEST(SpareCalls, AreFreedWithTheirThread) {
  const int before = KeptCall::destroyed;
  std::thread([] {
    Turn turn;
    Listener listener;
    auto call = KeptCall::make(listener, turn);
  }).join();
  EXPECT_EQ(KeptCall::destroyed, before + 1);
}

TEST(SpareCalls, NoMoreAreKeptThanTheBound) {
  const int before = KeptCall::destroyed;
  std::thread([before] {
    Turn turn;
    Listener listener;
    std::vector<Ref<KeptCall>> calls;
    for (std::size_t i = 0; i < SpareCalls<KeptCall>::kMost + 3; ++i) {
      calls.push_back(KeptCall::make(listener, turn));
    }
    calls.clear();
    EXPECT_EQ(KeptCall::destroyed, before + 3);
  }).join();
}

TEST(SpareCalls, UnusuallyLargeRequestsAreNotKeptInMemory) {
  Turn turn;
  Listener listener;
  auto call = KeptCall::make(listener, turn);
  call->request.inputs.resize(4096);
  call->request.id.assign(100'000, 'x');
  call = nullptr;
  call = KeptCall::make(listener, turn);
  EXPECT_LE(call->request.inputs.capacity(), 64U);
  EXPECT_LE(call->request.id.capacity(), 1024U);
}

}  // namespace
}  // namespace mlops::testing
