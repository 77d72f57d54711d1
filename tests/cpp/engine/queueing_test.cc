// Priorities, queue policies and limits of a model at work; queue orders themselves are tested in
// tests/cpp/batch. The gate decides when the only lane is free, so nothing here depends on speed.
#include <gtest/gtest.h>

#include <thread>

#include "support/loaded_engine.h"

namespace mlops::testing {
namespace {

using Calls = std::vector<Ref<RecordingCall>>;

Request row(float value, std::uint64_t priority = 0, std::uint64_t timeout_us = 0) {
  Request request = request_for("m", float_rows(1, value));
  if (priority > 0) request.parameters.push_back({"priority", priority});
  request.timeout_us = timeout_us;
  return request;
}

// A model of one lane that is busy until the test lets go.
class Busy {
 public:
  explicit Busy(const ModelConfig& config) {
    ModelSource source = LoadedEngine::source("m", 1, 1);
    source.config = std::make_shared<ModelConfig>(config);
    gate_ = loaded_.load_gated(source);
    gate_->close();
    running_ = submit(row(0));
    gate_->wait_for_runs(1);
  }
  ~Busy() { gate_->open(); }

  Ref<RecordingCall> submit(Request request) {
    auto call = call_for(std::move(request));
    loaded_.engine->submit(call);
    return call;
  }
  Engine& engine() { return *loaded_.engine; }
  void let_go() {
    gate_->open();
    EXPECT_TRUE(running_->wait().status.ok());
  }
  // A refusal is counted right after it is told: waits for `count` of them.
  void await_refused(Refusal why, std::uint64_t count) {
    while (refused(why) < count) std::this_thread::yield();
    EXPECT_EQ(refused(why), count);
  }
  std::uint64_t refused(Refusal why) {
    return engine().stats().models.at(0).refused[static_cast<std::size_t>(why)];
  }

 private:
  LoadedEngine loaded_;
  std::shared_ptr<Gate> gate_;
  Ref<RecordingCall> running_;
};

ModelConfig with(const DynamicBatching& batching) {
  ModelConfig config;
  config.dynamic_batching = batching;
  return config;
}

ModelConfig with(const ConfigStrings& parameters) {
  ModelConfig config;
  config.parameters = parameters;
  return config;
}

QueuePolicy policy(QueuePolicy::TimeoutAction action, std::uint64_t timeout_us, bool override) {
  QueuePolicy made;
  made.timeout_action = action;
  made.default_timeout_us = timeout_us;
  made.allow_timeout_override = override;
  return made;
}

void expect_refused(const Ref<RecordingCall>& call, const std::string& text) {
  const Response& response = call->wait();
  EXPECT_EQ(response.status.code(), Code::unavailable);
  EXPECT_EQ(response.status.message().find(text), 0U) << response.status.message();
  EXPECT_EQ(call->deliveries(), 1);
}

TEST(Queueing, HigherLevelsRunFirst) {
  DynamicBatching batching;
  batching.priority_levels = 3;
  batching.default_priority_level = 2;
  ModelConfig config = with(batching);
  config.max_batch_size = 1;
  Busy busy(config);
  Calls calls = {busy.submit(row(1, 3)), busy.submit(row(2)), busy.submit(row(3, 9)),
                 busy.submit(row(4, 1))};
  busy.let_go();
  for (const auto& call : calls) ASSERT_TRUE(call->wait().status.ok());
  // One lane and one row at a time: they were answered in the order in which they started.
  EXPECT_LT(calls[3]->answered(), calls[1]->answered());
  EXPECT_LT(calls[1]->answered(), calls[2]->answered());
  EXPECT_LT(calls[2]->answered(), calls[0]->answered());
}

TEST(Queueing, AQueuePolicyHasRoomForSoMany) {
  DynamicBatching batching;
  batching.default_queue_policy.queue_requests_max = 2;
  Busy busy(with(batching));
  Calls calls;
  for (int i = 0; i < 4; ++i) calls.push_back(busy.submit(row(1)));
  expect_refused(calls[2], "Exceeds maximum queue size");
  expect_refused(calls[3], "Exceeds maximum queue size");
  EXPECT_EQ(calls[2]->wait().retry_after_s, 1U);
  EXPECT_EQ(busy.refused(Refusal::queue_full), 2U);
  busy.let_go();
  EXPECT_TRUE(calls[0]->wait().status.ok());
  EXPECT_TRUE(calls[1]->wait().status.ok());
}

TEST(Queueing, WhatIsRejectedIsAnsweredWhileTheLaneIsBusy) {
  DynamicBatching batching;
  batching.default_queue_policy = policy(QueuePolicy::TimeoutAction::reject, 10'000, true);
  Busy busy(with(batching));
  const auto own = busy.submit(row(1, 0, 1'000));
  const auto standard = busy.submit(row(1, 0, 60'000'000));
  expect_refused(own, "Request timeout expired");
  expect_refused(standard, "Request timeout expired");
  EXPECT_EQ(own->wait().status.message(), "Request timeout expired");
  busy.await_refused(Refusal::timeout, 2);
  // A caller that waits is told as well.
  const Response response = busy.engine().infer(row(1, 0, 1'000));
  EXPECT_EQ(response.status.message(), "Request timeout expired");
}

TEST(Queueing, ATimeoutThatIsNotAllowedIsIgnored) {
  Busy busy(with(DynamicBatching{}));
  const auto call = busy.submit(row(1, 0, 1));
  const auto later = busy.submit(row(1));
  busy.let_go();
  EXPECT_TRUE(later->wait().status.ok());
  EXPECT_TRUE(call->wait().status.ok());
}

TEST(Queueing, WithoutAPolicyATimeoutIsADeadline) {
  Busy busy(ModelConfig{});
  EXPECT_EQ(busy.submit(row(1, 0, 1'000))->wait().status.code(), Code::deadline_exceeded);
}

TEST(Queueing, TheDelayedAreServedLast) {
  DynamicBatching batching;
  batching.default_queue_policy = policy(QueuePolicy::TimeoutAction::delay, 0, true);
  ModelConfig config = with(batching);
  config.max_batch_size = 1;
  Busy busy(config);
  const auto late = busy.submit(row(1, 0, 1));
  const auto patient = busy.submit(row(2));
  while (std::chrono::steady_clock::now() < late->submitted_at + std::chrono::microseconds(2)) {
  }
  busy.let_go();
  ASSERT_TRUE(late->wait().status.ok());
  ASSERT_TRUE(patient->wait().status.ok());
  EXPECT_LT(patient->answered(), late->answered());
}

TEST(Queueing, PreferredSizesAreTakenBeforeTheDelayIsOver) {
  DynamicBatching batching;
  batching.preferred_batch_sizes = {3};
  batching.queue_delay_us_max = 3'600'000'000;
  LoadedEngine loaded;
  ModelSource source = LoadedEngine::source("m", 1, 1);
  source.config = std::make_shared<ModelConfig>(with(batching));
  const auto gate = loaded.load_gated(source);
  Calls calls;
  for (int i = 0; i < 3; ++i) {
    calls.push_back(call_for(row(1)));
    loaded.engine->submit(calls.back());
  }
  for (const auto& call : calls) EXPECT_TRUE(call->wait().status.ok());
  EXPECT_EQ(gate->batches(), (std::vector<std::int64_t>{3}));
}

TEST(Queueing, SoManyRequestsAreInFlight) {
  Busy busy(with(ConfigStrings{{"max_inflight_requests", "3"}}));
  Calls calls;
  for (int i = 0; i < 4; ++i) calls.push_back(busy.submit(row(1)));
  expect_refused(calls[2], "Exceeds maximum number of requests in flight");
  expect_refused(calls[3], "Exceeds maximum number of requests in flight");
  const Response response = busy.engine().infer(row(1));
  EXPECT_EQ(response.status.code(), Code::unavailable);
  EXPECT_GE(response.retry_after_s, 1U);
  std::vector<PendingRef> turn = {call_for(row(1))};
  const PendingRef refused = turn[0];
  busy.engine().submit_turn(turn);
  EXPECT_EQ(refused->outcome(), Code::unavailable);
  EXPECT_EQ(busy.refused(Refusal::inflight), 4U);
  calls[1]->cancel();  // its room is free at once
  const auto next = busy.submit(row(1));
  busy.let_go();
  EXPECT_TRUE(calls[0]->wait().status.ok());
  EXPECT_TRUE(next->wait().status.ok());
}

TEST(Queueing, SoManyBytesAreInFlight) {
  Busy busy(with(ConfigStrings{{"max_input_bytes", "48"}}));  // a row has 16
  Calls calls;
  for (int i = 0; i < 3; ++i) calls.push_back(busy.submit(row(1)));
  expect_refused(calls[2], "Exceeds maximum bytes of inputs in flight");
  EXPECT_EQ(busy.refused(Refusal::memory), 1U);
  const auto large = busy.submit(request_for("m", float_rows(4, 1)));
  EXPECT_EQ(large->wait().status.code(), Code::invalid_argument);
  busy.let_go();
  EXPECT_TRUE(calls[0]->wait().status.ok());
  EXPECT_TRUE(calls[1]->wait().status.ok());
  EXPECT_TRUE(busy.engine().drain(kNever));
}

// However fast the model was at its trial runs, a thousand requests are not answered in a
// microsecond.
TEST(Queueing, WhatWouldBeLateIsRefusedAtOnce) {
  Busy busy(with(ConfigStrings{{"slo_p99_us", "1"}}));
  Calls calls;
  for (int i = 0; i < 1000; ++i) calls.push_back(busy.submit(row(1)));
  expect_refused(calls.back(), "the latency objective");
  EXPECT_GE(calls.back()->wait().retry_after_s, 1U);
  EXPECT_EQ(busy.engine().infer(row(1)).status.code(), Code::unavailable);
  EXPECT_GE(busy.refused(Refusal::objective), 2U);
  busy.let_go();
  EXPECT_TRUE(busy.engine().drain(kNever));
}

TEST(Queueing, AnObjectiveThatIsEasyRefusesNothing) {
  ModelConfig config = with(ConfigStrings{{"slo_p99_us", "3600000000"}});
  Busy busy(config);
  Calls calls;
  for (int i = 0; i < 100; ++i) calls.push_back(busy.submit(row(1)));
  busy.let_go();
  for (const auto& call : calls) EXPECT_TRUE(call->wait().status.ok());
  EXPECT_EQ(busy.refused(Refusal::objective), 0U);
  EXPECT_EQ(busy.engine().stats().models.at(0).slo_p99_us, 3'600'000'000U);
}

TEST(Queueing, TheEnginesLimitsHoldUnlessAModelSaysOtherwise) {
  EngineOptions options;
  options.serving.inflight_requests_max = 1;
  LoadedEngine loaded(options);
  const auto bounded = loaded.load_gated(LoadedEngine::source("m", 1, 1));
  ModelSource source = LoadedEngine::source("free", 1, 1);
  source.config =
      std::make_shared<ModelConfig>(with(ConfigStrings{{"max_inflight_requests", "0"}}));
  const auto unbounded = loaded.load_gated(source);
  bounded->close();
  unbounded->close();
  const auto first = call_for(row(1));
  const auto second = call_for(row(1));
  loaded.engine->submit(first);
  loaded.engine->submit(second);
  expect_refused(second, "Exceeds maximum number of requests in flight");
  Calls calls;
  for (int i = 0; i < 5; ++i) {
    calls.push_back(call_for(request_for("free", float_rows(1, 1))));
    loaded.engine->submit(calls.back());
  }
  bounded->open();
  unbounded->open();
  EXPECT_TRUE(first->wait().status.ok());
  for (const auto& call : calls) EXPECT_TRUE(call->wait().status.ok());
}

TEST(Queueing, LimitsAreWholeNumbers) {
  LoadedEngine loaded;
  for (const char* text : {"", "-1", "1.5", "many", "99999999999999999999"}) {
    ModelSource source = LoadedEngine::source("m");
    auto config = std::make_shared<ModelConfig>();
    config->parameters["max_inflight_requests"] = text;
    source.config = config;
    const Status status = loaded.engine->load(
        source, std::make_unique<GateBackend>(std::make_shared<Gate>(), echo_signature()));
    EXPECT_EQ(status.code(), Code::invalid_argument) << text;
    EXPECT_NE(status.message().find("max_inflight_requests"), std::string::npos);
  }
}

}  // namespace
}  // namespace mlops::testing
