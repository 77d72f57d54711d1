#include <gtest/gtest.h>

#include <thread>

#include "support/loaded_engine.h"

namespace mlops::testing {
namespace {

TEST(Pipeline, InferAnswersOnTheCallingThread) {
  LoadedEngine loaded;
  loaded.load_echo("echo", echo_signature());
  Request request = request_for("echo", float_rows(2, 1.0F));
  request.id = "abc";
  const Response response = loaded.engine->infer(std::move(request));
  ASSERT_TRUE(response.status.ok()) << response.status.to_string();
  EXPECT_EQ(response.id, "abc");
  EXPECT_EQ(response.version, 1);
  ASSERT_EQ(response.outputs.size(), 1U);
  EXPECT_EQ(response.outputs[0].name, "out");
  EXPECT_EQ(values_of<float>(response.outputs[0].tensor),
            (std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8}));
  const ModelStats stats = loaded.engine->stats().models.at(0);
  EXPECT_EQ(stats.success, 1U);
  EXPECT_EQ(stats.inferences, 2U);
  EXPECT_EQ(stats.inline_executions, 1U);
}

TEST(Pipeline, UnknownModelAndVersionAreNotFound) {
  LoadedEngine loaded;
  loaded.load_echo("echo", echo_signature());
  EXPECT_EQ(loaded.engine->infer(request_for("nope", float_rows(1, 0))).status.code(),
            Code::not_found);
  Request wrong = request_for("echo", float_rows(1, 0));
  wrong.version = 7;
  EXPECT_EQ(loaded.engine->infer(std::move(wrong)).status.code(), Code::not_found);
}

TEST(Pipeline, TheNewestVersionAnswersUnlessOneIsNamed) {
  LoadedEngine loaded;
  loaded.load_echo("echo", echo_signature(), 2);
  loaded.load_echo("echo", echo_signature(), 10);
  EXPECT_EQ(loaded.engine->infer(request_for("echo", float_rows(1, 0))).version, 10);
  Request older = request_for("echo", float_rows(1, 0));
  older.version = 2;
  EXPECT_EQ(loaded.engine->infer(std::move(older)).version, 2);
  EXPECT_EQ(loaded.engine->info("echo", kAnyVersion)->versions, (std::vector<std::int64_t>{2, 10}));
}

TEST(Pipeline, RequestsThatWaitTogetherRunTogether) {
  LoadedEngine loaded;
  const auto gate = loaded.load_gated(LoadedEngine::source("m", 1, 1));
  gate->close();
  auto first = call_for(request_for("m", float_rows(1, 1)));
  loaded.engine->submit(first);
  gate->wait_for_runs(1);
  std::vector<Ref<RecordingCall>> waiting;
  for (int i = 0; i < 5; ++i) {
    waiting.push_back(call_for(request_for("m", float_rows(i + 1, static_cast<float>(100 * i)))));
    loaded.engine->submit(waiting.back());
  }
  gate->open();
  for (int i = 0; i < 5; ++i) {
    const Response& response = waiting[static_cast<std::size_t>(i)]->wait();
    ASSERT_TRUE(response.status.ok());
    EXPECT_EQ(values_of<float>(response.outputs[0].tensor),
              values_of<float>(float_rows(i + 1, static_cast<float>(100 * i))));
  }
  EXPECT_EQ(gate->batches(), (std::vector<std::int64_t>{1, 15}));
}

TEST(Pipeline, ATurnOfAnEventLoopIsOneBatchRunInline) {
  LoadedEngine loaded;
  const auto gate = loaded.load_gated(LoadedEngine::source("m", 1, 2));
  std::vector<Ref<RecordingCall>> calls;
  std::vector<PendingRef> turn;
  for (int i = 0; i < 8; ++i) {
    calls.push_back(call_for(request_for("m", float_rows(1, static_cast<float>(i)))));
    turn.push_back(calls.back());
  }
  loaded.engine->submit_turn(turn);
  for (const auto& call : calls) EXPECT_EQ(call->deliveries(), 1);  // before it returned
  EXPECT_EQ(gate->batches(), (std::vector<std::int64_t>{8}));
}

TEST(Pipeline, ABadRowFailsItsOwnRequestOnly) {
  LoadedEngine loaded;
  const auto gate = loaded.load_gated(LoadedEngine::source("m", 1, 1));
  std::vector<Ref<RecordingCall>> calls;
  std::vector<PendingRef> turn;
  for (int i = 0; i < 9; ++i) {
    calls.push_back(call_for(request_for("m", float_rows(1, i == 5 ? -1.0F : 1.0F))));
    turn.push_back(calls.back());
  }
  loaded.engine->submit_turn(turn);
  for (int i = 0; i < 9; ++i) {
    const Code code = calls[static_cast<std::size_t>(i)]->wait().status.code();
    EXPECT_EQ(code, i == 5 ? Code::invalid_argument : Code::ok) << i;
  }
}

TEST(Pipeline, AFullQueueRefusesAndAcceptedOnesAreServed) {
  EngineOptions options;
  options.queue_requests_max = 3;
  LoadedEngine loaded(options);
  const auto gate = loaded.load_gated(LoadedEngine::source("m", 1, 1));
  gate->close();
  auto running = call_for(request_for("m", float_rows(1, 1)));
  loaded.engine->submit(running);
  gate->wait_for_runs(1);
  std::vector<Ref<RecordingCall>> calls;
  for (int i = 0; i < 5; ++i) {
    calls.push_back(call_for(request_for("m", float_rows(1, 1))));
    loaded.engine->submit(calls.back());
  }
  for (std::size_t i = 3; i < 5; ++i) {
    EXPECT_EQ(calls[i]->wait().status.code(), Code::unavailable);
    EXPECT_EQ(calls[i]->wait().status.message().find("Exceeds maximum queue size"), 0U);
    EXPECT_GE(calls[i]->wait().retry_after_s, 1U);
  }
  gate->open();
  for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(calls[i]->wait().status.ok());
}

TEST(Pipeline, RoomTakenByCancelledRequestsIsReclaimed) {
  EngineOptions options;
  options.queue_requests_max = 2;
  LoadedEngine loaded(options);
  const auto gate = loaded.load_gated(LoadedEngine::source("m", 1, 1));
  gate->close();
  loaded.engine->submit(call_for(request_for("m", float_rows(1, 1))));
  gate->wait_for_runs(1);
  auto a = call_for(request_for("m", float_rows(1, 1)));
  auto b = call_for(request_for("m", float_rows(1, 1)));
  loaded.engine->submit(a);
  loaded.engine->submit(b);
  EXPECT_TRUE(a->cancel());
  auto c = call_for(request_for("m", float_rows(1, 1)));
  loaded.engine->submit(c);
  gate->open();
  EXPECT_EQ(a->wait().status.code(), Code::cancelled);
  EXPECT_TRUE(b->wait().status.ok());
  EXPECT_TRUE(c->wait().status.ok());
}

TEST(Pipeline, ADeadlineIsAnsweredWhileTheLaneIsBusy) {
  LoadedEngine loaded;
  const auto gate = loaded.load_gated(LoadedEngine::source("m", 1, 1));
  gate->close();
  Request long_running = request_for("m", float_rows(1, 1));
  long_running.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(30);
  auto running = call_for(std::move(long_running));
  loaded.engine->submit(running);
  gate->wait_for_runs(1);
  Request short_lived = request_for("m", float_rows(1, 1));
  short_lived.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
  auto waiting = call_for(std::move(short_lived));
  loaded.engine->submit(waiting);
  EXPECT_EQ(waiting->wait().status.code(), Code::deadline_exceeded);
  EXPECT_EQ(running->wait().status.code(), Code::deadline_exceeded);
  gate->open();
  EXPECT_TRUE(loaded.engine->drain(kNever));
  EXPECT_EQ(running->deliveries(), 1);
  const ModelStats stats = loaded.engine->stats().models.at(0);
  EXPECT_EQ(stats.failure[static_cast<std::size_t>(Code::deadline_exceeded)], 2U);
}

TEST(Pipeline, ABlockingCallerLeavesAtItsDeadline) {
  LoadedEngine loaded;
  const auto gate = loaded.load_gated(LoadedEngine::source("m", 1, 1));
  gate->close();
  loaded.engine->submit(call_for(request_for("m", float_rows(1, 1))));
  gate->wait_for_runs(1);
  Request request = request_for("m", float_rows(1, 1));
  request.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(10);
  EXPECT_EQ(loaded.engine->infer(std::move(request)).status.code(), Code::deadline_exceeded);
  gate->open();
}

TEST(Pipeline, DrainRefusesNewAndFinishesAccepted) {
  LoadedEngine loaded;
  const auto gate = loaded.load_gated(LoadedEngine::source("m", 1, 1));
  gate->close();
  auto accepted = call_for(request_for("m", float_rows(1, 1)));
  loaded.engine->submit(accepted);
  gate->wait_for_runs(1);
  EXPECT_FALSE(loaded.engine->drain(std::chrono::steady_clock::now()));
  EXPECT_FALSE(loaded.engine->ready());
  EXPECT_EQ(loaded.engine->infer(request_for("m", float_rows(1, 1))).status.code(),
            Code::unavailable);
  gate->open();
  EXPECT_TRUE(loaded.engine->drain(kNever));
  EXPECT_TRUE(accepted->wait().status.ok());
}

TEST(Pipeline, DestroyingTheEngineAnswersWhatWaits) {
  auto loaded = std::make_unique<LoadedEngine>();
  const auto gate = loaded->load_gated(LoadedEngine::source("m", 1, 1));
  gate->close();
  auto running = call_for(request_for("m", float_rows(1, 1)));
  auto waiting = call_for(request_for("m", float_rows(1, 1)));
  loaded->engine->submit(running);
  gate->wait_for_runs(1);
  loaded->engine->submit(waiting);
  std::jthread destroyer([&] { loaded.reset(); });
  EXPECT_EQ(waiting->wait().status.code(), Code::unavailable);
  gate->open();
  EXPECT_TRUE(running->wait().status.ok());
}

}  // namespace
}  // namespace mlops::testing
