// Decoupled models: any number of parts, one answer, nobody waits for a slow reader.

#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "execute/builtin_backends.h"
#include "support/loaded_engine.h"
#include "support/parts_call.h"

namespace mlops::testing {
namespace {

Signature square_signature() {
  return {{spec("IN", DType::i32, {1})}, {spec("OUT", DType::i32, {1})}};
}

void load_square(LoadedEngine& loaded, unsigned lanes = 1) {
  auto backend = make_builtin_backend("square", square_signature(), {});
  ASSERT_TRUE(backend.ok());
  ASSERT_TRUE(
      loaded.engine->load(LoadedEngine::source("square", 1, lanes), *std::move(backend)).ok());
}

Request square_of(std::int32_t number) {
  Request request =
      request_for("square", dense(DType::i32, Shape{1}, std::vector<std::int32_t>{number}), "IN");
  request.id = std::to_string(number);
  return request;
}

void expect_parts(const std::vector<Response>& parts, std::int32_t number) {
  ASSERT_EQ(parts.size(), static_cast<std::size_t>(number));
  for (const Response& part : parts) {
    EXPECT_TRUE(part.status.ok());
    EXPECT_EQ(part.model, "square");
    EXPECT_EQ(part.id, std::to_string(number));
    ASSERT_EQ(part.outputs.size(), 1U);
    EXPECT_EQ(values_of<std::int32_t>(part.outputs[0].tensor), std::vector<std::int32_t>{number});
  }
}

TEST(Decoupled, AnswersInPartsAndEndsWithoutOutputs) {
  LoadedEngine loaded;
  load_square(loaded);
  EXPECT_TRUE(loaded.engine->info("square", 1)->decoupled);
  for (const std::int32_t number : {0, 1, 40}) {
    const auto call = make_ref<PartsCall>(square_of(number));
    loaded.engine->submit(call);
    expect_parts(call->take_all(), number);
    EXPECT_TRUE(call->wait().status.ok());
    EXPECT_TRUE(call->wait().outputs.empty());
    EXPECT_EQ(call->wait().id, std::to_string(number));
  }
  loaded.engine->drain(kNever);
  EXPECT_EQ(loaded.engine->stats().models.at(0).success, 3U);
  EXPECT_EQ(loaded.engine->stats().models.at(0).executions, 3U);
}

TEST(Decoupled, ResponsesAreCountedByTheirNumber) {
  LoadedEngine loaded;
  load_square(loaded);
  for (const std::int32_t number : {0, 2, 2, 3, -4}) {
    const auto call = make_ref<PartsCall>(square_of(number));
    loaded.engine->submit(call);
    call->wait();
  }
  const auto cancelled = make_ref<PartsCall>(square_of(1000), 4);
  loaded.engine->submit(cancelled);
  // The reader never takes one, so there are four; until the last of them has been counted.
  const auto fourth = [&] {
    const std::vector<ResponseStats> now = loaded.engine->stats().models.at(0).responses;
    return now.size() > 3 ? now[3].success.count : 0;
  };
  while (fourth() == 0) std::this_thread::yield();
  cancelled->cancel();
  loaded.engine->drain(kNever);
  const std::vector<ResponseStats> responses = loaded.engine->stats().models.at(0).responses;
  ASSERT_EQ(responses.size(), 5U);
  const std::uint64_t successes[] = {4, 4, 2, 1};
  const std::uint64_t empties[] = {1, 0, 2, 1};
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(responses[i].success.count, successes[i]) << i;
    EXPECT_EQ(responses[i].compute_output.count, successes[i]) << i;
    EXPECT_EQ(responses[i].compute_infer.count, successes[i] + empties[i]) << i;
    EXPECT_EQ(responses[i].empty.count, empties[i]) << i;
    EXPECT_EQ(responses[i].fail.count, 0U) << i;
  }
  EXPECT_EQ(responses[4].cancel.count, 1U);
}

TEST(Decoupled, DoorsForOneAnswerAreTold) {
  LoadedEngine loaded;
  load_square(loaded);
  const std::string expected = "doesn't support models with decoupled transaction policy";
  const Response blocking = loaded.engine->infer(square_of(1));
  EXPECT_EQ(blocking.status.code(), Code::unimplemented);
  EXPECT_NE(blocking.status.message().find(expected), std::string::npos);
  const auto call = call_for(square_of(1));
  loaded.engine->submit(call);
  EXPECT_NE(call->wait().status.message().find(expected), std::string::npos);
}

TEST(Decoupled, RequestsThatDoNotFitFailAlone) {
  LoadedEngine loaded;
  load_square(loaded);
  const auto call = make_ref<PartsCall>(square_of(-4));
  loaded.engine->submit(call);
  EXPECT_EQ(call->wait().status.code(), Code::invalid_argument);
  Request wrong = square_of(1);
  wrong.inputs[0].name = "X";
  const auto unfit = make_ref<PartsCall>(std::move(wrong));
  loaded.engine->submit(unfit);
  EXPECT_EQ(unfit->wait().status.code(), Code::invalid_argument);
}

TEST(Decoupled, ASlowReaderBoundsWhatIsMadeAndHoldsUpNobody) {
  LoadedEngine loaded;
  load_square(loaded, 1);
  const auto slow = make_ref<PartsCall>(square_of(1000), 4);
  loaded.engine->submit(slow);
  // One thread serves both: it can only come to the second when the first does not hold it.
  const auto quick = make_ref<PartsCall>(square_of(50));
  loaded.engine->submit(quick);
  expect_parts(quick->take_all(), 50);
  expect_parts(slow->take_all(), 1000);
  // Two more than it wants: for room that was made while a part was, and for a call that says so
  // late.
  EXPECT_LE(slow->most_waiting(), 6U);
}

TEST(Decoupled, CancellingEndsAGenerationWhoseReaderIsFull) {
  LoadedEngine loaded;
  load_square(loaded, 1);
  const auto call = make_ref<PartsCall>(square_of(1 << 30), 2);
  loaded.engine->submit(call);
  call->cancel();
  EXPECT_EQ(call->wait().status.code(), Code::cancelled);
  EXPECT_TRUE(loaded.engine->drain(kNever));
  EXPECT_EQ(loaded.engine->stats().models.at(0).failure[static_cast<std::size_t>(Code::cancelled)],
            1U);
}

TEST(Decoupled, CancellingEndsAPauseOfTheModel) {
  LoadedEngine loaded;
  auto backend = make_builtin_backend("square", square_signature(),
                                      {{"CUSTOM_INFER_DELAY_NS", "3600000000000"}});
  ASSERT_TRUE(loaded.engine->load(LoadedEngine::source("square", 1, 2), *std::move(backend)).ok());
  const auto call = make_ref<PartsCall>(square_of(2));
  loaded.engine->submit(call);
  call->cancel();
  EXPECT_TRUE(loaded.engine->drain(kNever));  // not after an hour
}

TEST(Decoupled, TheDeadlineEndsAGeneration) {
  LoadedEngine loaded;
  load_square(loaded, 1);
  Request request = square_of(1 << 30);
  request.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(5);
  const auto call = make_ref<PartsCall>(std::move(request), 1);
  loaded.engine->submit(call);
  EXPECT_EQ(call->wait().status.code(), Code::deadline_exceeded);
}

TEST(Decoupled, MoreThanTheQueueHoldsIsRefused) {
  EngineOptions options;
  options.queue_requests_max = 2;
  LoadedEngine loaded(options);
  load_square(loaded, 1);
  std::vector<Ref<PartsCall>> calls;
  for (int i = 0; i < 3; ++i) {
    calls.push_back(make_ref<PartsCall>(square_of(1 << 30), 1));
    loaded.engine->submit(calls.back());
  }
  EXPECT_EQ(calls[2]->wait().status.code(), Code::unavailable);
  for (const auto& call : calls) call->cancel();
}

TEST(Decoupled, UnloadingFailsWhatIsLeftAndLeavesLateReadersAlone) {
  const auto call = make_ref<PartsCall>(square_of(1 << 30), 1);
  {
    LoadedEngine loaded;
    load_square(loaded, 2);
    loaded.engine->submit(call);
  }
  EXPECT_EQ(call->wait().status.code(), Code::unavailable);
  call->take_all();
  call->want_parts();  // the model is gone
}

// Under any interleaving of readers, cancellations and threads: parts in order, one answer.
TEST(Decoupled, EveryRequestGetsItsPartsInOrderAndOneAnswer) {
  LoadedEngine loaded;
  load_square(loaded, 3);
  std::vector<std::jthread> clients;
  for (unsigned t = 0; t < 6; ++t) {
    clients.emplace_back([&loaded, t] {
      std::mt19937 random(t);
      for (int i = 0; i < 60; ++i) {
        const auto number = static_cast<std::int32_t>(random() % 60);
        const auto call = make_ref<PartsCall>(square_of(number), 1 + random() % 5);
        std::vector<PendingRef> turn = {call};
        if (random() % 2) {
          loaded.engine->submit_turn(turn);
        } else {
          loaded.engine->submit(call);
        }
        if (random() % 4 == 0) {
          call->take(random() % 2);  // never more than there is room for
          call->cancel();
          call->wait();
        } else {
          expect_parts(call->take_all(), number);
          EXPECT_TRUE(call->wait().status.ok());
        }
        EXPECT_EQ(call->answers(), 1);
        EXPECT_EQ(call->misplaced(), 0);
      }
    });
  }
  clients.clear();
  EXPECT_TRUE(loaded.engine->drain(kNever));
}

}  // namespace
}  // namespace mlops::testing
