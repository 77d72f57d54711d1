#include "batch/sequence_slots.h"

#include <gtest/gtest.h>

#include "support/recording_call.h"

namespace mlops::testing {
namespace {

using Admission = SequenceSlots::Admission;
using std::chrono::milliseconds;

class SequenceSlotsTest : public ::testing::Test {
 protected:
  SequenceSlots make(std::size_t slots, std::size_t requests_max = 100) {
    return SequenceSlots(
        {.slots = slots, .requests_max = requests_max, .idle_max = milliseconds(10)});
  }
  Admission add(SequenceSlots& slots, std::uint64_t id, const std::string& name, bool start = false,
                bool end = false) {
    Request request;
    request.id = name;
    const auto call = make_ref<RecordingCall>(std::move(request));
    calls.push_back(call);
    SequenceStep step{call, {SequenceId(id), start, end}};
    return slots.add(step, now);
  }
  // Names of what can run, each with its slot.
  std::vector<std::string> take(SequenceSlots& slots, std::size_t count = 100, std::size_t lane = 0,
                                std::size_t lanes = 1) {
    std::vector<SequenceStep> batch;
    slots.take(lane, lanes, count, batch);
    std::vector<std::string> names;
    for (const SequenceStep& step : batch) {
      names.push_back(step.pending->request.id + "@" + std::to_string(step.slot) +
                      (step.first_here ? "!" : ""));
    }
    return names;
  }

  using Names = std::vector<std::string>;
  TimePoint now{};
  std::vector<Ref<RecordingCall>> calls;
};

TEST_F(SequenceSlotsTest, RequestsOfOneSequenceRunOneByOneInOrder) {
  auto slots = make(2);
  add(slots, 7, "a1", true);
  add(slots, 7, "a2");
  add(slots, 9, "b1", true);
  EXPECT_EQ(take(slots), (Names{"a1@0!", "b1@1!"}));
  EXPECT_EQ(take(slots), Names{});
  slots.finished(0, now);
  EXPECT_EQ(take(slots), Names{"a2@0"});
  EXPECT_EQ(slots.running(), 2U);
}

TEST_F(SequenceSlotsTest, AFirstRequestMustStart) {
  auto slots = make(1);
  EXPECT_EQ(add(slots, 7, "a"), Admission::not_started);
  EXPECT_EQ(add(slots, 7, "a", true, true), Admission::taken);
  EXPECT_EQ(add(slots, 7, "b"), Admission::not_started);  // it has ended
  EXPECT_EQ(add(slots, 7, "c", true), Admission::taken);
}

TEST_F(SequenceSlotsTest, AnIdThatStartsAgainFollowsItselfInItsSlot) {
  auto slots = make(3);
  add(slots, 7, "a", true, true);
  add(slots, 7, "b", true);
  add(slots, 7, "c", true);  // without an end before it
  EXPECT_EQ(take(slots), Names{"a@0!"});
  slots.finished(0, now);
  EXPECT_EQ(take(slots), Names{"b@0!"});
  slots.finished(0, now);
  EXPECT_EQ(take(slots), Names{"c@0!"});
}

TEST_F(SequenceSlotsTest, SequencesWithoutASlotWaitTheirTurn) {
  auto slots = make(1);
  add(slots, 1, "a1", true);
  add(slots, 2, "b1", true);
  add(slots, 3, "c1", true, true);
  add(slots, 2, "b2", false, true);
  add(slots, 1, "a2", false, true);
  Names order;
  for (int i = 0; i < 5; ++i) {
    const Names taken = take(slots);
    ASSERT_EQ(taken.size(), 1U);
    order.push_back(taken[0]);
    slots.finished(0, now);
  }
  EXPECT_EQ(order, (Names{"a1@0!", "a2@0", "b1@0!", "b2@0", "c1@0!"}));
  EXPECT_EQ(slots.waiting(), 0U);
}

TEST_F(SequenceSlotsTest, AnIdleSequenceGivesItsSlotBack) {
  auto slots = make(1);
  add(slots, 1, "a1", true);
  take(slots);
  EXPECT_EQ(slots.expire(now + milliseconds(100)), kNever);  // it runs
  now += milliseconds(100);
  slots.finished(0, now);
  add(slots, 2, "b1", true);
  EXPECT_EQ(slots.expire(now + milliseconds(9)), now + milliseconds(10));
  EXPECT_EQ(take(slots), Names{});
  EXPECT_EQ(slots.expire(now + milliseconds(10)), kNever);
  EXPECT_EQ(take(slots), Names{"b1@0!"});
  EXPECT_EQ(add(slots, 1, "a2"), Admission::not_started);
}

TEST_F(SequenceSlotsTest, LanesHaveSlotsOfTheirOwn) {
  auto slots = make(4);
  for (std::uint64_t id = 1; id <= 4; ++id) add(slots, id, std::to_string(id), true);
  EXPECT_TRUE(slots.ready(1, 2));
  EXPECT_EQ(take(slots, 100, 1, 2), (Names{"2@1!", "4@3!"}));
  EXPECT_FALSE(slots.ready(1, 2));
  EXPECT_EQ(take(slots, 1, 0, 2), Names{"1@0!"});
  EXPECT_EQ(take(slots, 1, 0, 2), Names{"3@2!"});
}

TEST_F(SequenceSlotsTest, TheOldestGoFirstWhenNotAllFit) {
  auto slots = make(3);
  add(slots, 1, "a1", true);
  add(slots, 2, "b1", true);
  EXPECT_EQ(take(slots, 1), Names{"a1@0!"});
  add(slots, 3, "c1", true);
  add(slots, 1, "a2");
  slots.finished(0, now);
  EXPECT_EQ(take(slots, 2), (Names{"b1@1!", "c1@2!"}));
}

TEST_F(SequenceSlotsTest, ALostRequestEndsItsSequenceUpToTheNextStart) {
  auto slots = make(1);
  add(slots, 1, "a1", true);
  add(slots, 1, "a2");
  add(slots, 1, "a3", true);
  add(slots, 2, "b1", true);
  calls[0]->cancel();
  EXPECT_EQ(take(slots), Names{"a3@0!"});
  const auto dropped = slots.take_dropped();
  ASSERT_EQ(dropped.size(), 2U);
  EXPECT_EQ(dropped[1]->request.id, "a2");
  slots.finished(0, now);
  add(slots, 1, "a4");
  calls.back()->cancel();
  EXPECT_EQ(take(slots), Names{"b1@0!"});  // the slot is free
  EXPECT_EQ(add(slots, 1, "a5"), Admission::not_started);
}

TEST_F(SequenceSlotsTest, WhatWaitsIsBounded) {
  auto slots = make(1, 2);
  add(slots, 1, "a1", true);
  EXPECT_EQ(add(slots, 2, "b1", true), Admission::taken);
  EXPECT_EQ(add(slots, 1, "a2"), Admission::full);
  EXPECT_EQ(add(slots, 3, "c1", true), Admission::full);
  take(slots);
  EXPECT_EQ(add(slots, 1, "a2"), Admission::taken);
  EXPECT_EQ(slots.waiting_requests().size(), 2U);
  EXPECT_EQ(slots.take_all().size(), 2U);
  EXPECT_EQ(slots.waiting(), 0U);
  slots.finished(0, now);
}

}  // namespace
}  // namespace mlops::testing
