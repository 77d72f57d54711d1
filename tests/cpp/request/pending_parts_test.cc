// Parts come in order, before the one answer and never with or after it.

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "support/parts_call.h"
#include "support/recording_call.h"

namespace mlops::testing {
namespace {

Response numbered(std::int64_t number) {
  Response response;
  response.version = number;
  return response;
}

class CountingSource final : public PartSource {
 public:
  void room() noexcept override { calls.fetch_add(1); }
  std::atomic<int> calls{0};
};

TEST(PendingParts, ComeInOrderBeforeTheAnswer) {
  const auto call = make_ref<PartsCall>(Request{});
  ASSERT_TRUE(call->claim());
  EXPECT_EQ(call->state(), PendingState::claimed);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(call->send_part(numbered(i)), PartOutcome::more);
  EXPECT_EQ(call->state(), PendingState::claimed);
  EXPECT_TRUE(call->complete(Response{}));
  EXPECT_EQ(call->outcome(), Code::ok);
  const auto parts = call->take_all();
  ASSERT_EQ(parts.size(), 3U);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(parts[static_cast<std::size_t>(i)].version, i);
}

TEST(PendingParts, NoneFollowTheAnswer) {
  const auto call = make_ref<PartsCall>(Request{});
  ASSERT_TRUE(call->claim());
  EXPECT_TRUE(call->cancel());
  EXPECT_EQ(call->send_part(Response{}), PartOutcome::over);
  EXPECT_TRUE(call->take_all().empty());
  EXPECT_EQ(call->outcome(), Code::cancelled);
}

TEST(PendingParts, NoneBeforeTheRequestIsClaimed) {
  const auto call = make_ref<PartsCall>(Request{});
  EXPECT_EQ(call->send_part(Response{}), PartOutcome::over);
}

TEST(PendingParts, AFullReaderSaysSoAndTellsTheSourceWhenItHasRoom) {
  const auto source = make_ref<CountingSource>();
  {
    const auto call = make_ref<PartsCall>(Request{}, 2);
    call->set_part_source(source);
    ASSERT_TRUE(call->claim());
    EXPECT_EQ(call->send_part(Response{}), PartOutcome::more);
    EXPECT_EQ(call->send_part(Response{}), PartOutcome::full);
    EXPECT_EQ(source->calls.load(), 0);
    EXPECT_EQ(call->take(1).size(), 2U);
    EXPECT_EQ(source->calls.load(), 1);
    call->cancel();  // whoever waits for room must hear that none is needed
    EXPECT_EQ(source->calls.load(), 2);
  }
  EXPECT_TRUE(source->unique());
}

TEST(PendingParts, DoorsForOneAnswerTakeNone) {
  EXPECT_FALSE(make_ref<RecordingCall>(Request{})->takes_parts());
}

TEST(PendingParts, RacingCancellationsNeverOvertakeAPart) {
  for (int round = 0; round < 300; ++round) {
    const auto call = make_ref<PartsCall>(Request{});
    ASSERT_TRUE(call->claim());
    std::atomic<int> sent{0};
    std::jthread maker([&] {
      for (int i = 0; i < 50; ++i) {
        if (call->send_part(numbered(i)) == PartOutcome::over) return;
        sent.fetch_add(1);
      }
      call->complete(Response{});
    });
    std::jthread canceller([&] { call->cancel(); });
    std::jthread expirer([&] { call->fail(Status::deadline_exceeded("late")); });
    const auto parts = call->take_all();
    maker.join();
    canceller.join();
    expirer.join();
    EXPECT_EQ(call->answers(), 1);
    EXPECT_EQ(call->misplaced(), 0);
    // The part that was under way when somebody answered counts as delivered, not as wanted.
    EXPECT_LE(parts.size(), static_cast<std::size_t>(sent.load()) + 1);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      EXPECT_EQ(parts[i].version, static_cast<std::int64_t>(i));
    }
  }
}

}  // namespace
}  // namespace mlops::testing
