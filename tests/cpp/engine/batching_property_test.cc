// Batching is invisible: whatever the interleaving, the split into batches, the cancellations and
// the deadlines, each request is answered exactly once, and an answer holds that request's own
// rows.

#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "support/loaded_engine.h"

namespace mlops::testing {
namespace {

constexpr int kThreads = 8;
constexpr int kRounds = 150;

struct Sent {
  Ref<RecordingCall> call;
  std::vector<float> values;
  bool may_fail = false;
};

// Rows of `width` floats that no other request has.
class RequestMaker {
 public:
  RequestMaker(int thread, bool variable_width)
      : random_(static_cast<std::uint64_t>(thread)), thread_(thread), variable_(variable_width) {}

  Request make(std::vector<float>& values) {
    const std::int64_t rows = static_cast<std::int64_t>(random_() % 5);
    const std::int64_t width = variable_ ? 1 + static_cast<std::int64_t>(random_() % 3) : 4;
    values.clear();
    for (std::int64_t i = 0; i < rows * width; ++i) {
      values.push_back(static_cast<float>(thread_) + static_cast<float>(next_++ % 100000) * 1e-5F);
    }
    return request_for("m", dense(DType::f32, Shape{rows, width}, values));
  }

  std::uint64_t roll(std::uint64_t sides) { return random_() % sides; }

 private:
  std::mt19937_64 random_;
  int thread_;
  bool variable_;
  int next_ = 0;
};

void check(const Sent& sent) {
  const Response& response = sent.call->wait();
  EXPECT_EQ(sent.call->deliveries(), 1);
  if (!response.status.ok()) {
    EXPECT_TRUE(sent.may_fail) << response.status.to_string();
    return;
  }
  EXPECT_EQ(values_of<float>(response.outputs.at(0).tensor), sent.values);
}

Sent prepare(RequestMaker& maker) {
  Sent sent;
  Request request = maker.make(sent.values);
  if (maker.roll(8) == 0) {
    sent.may_fail = true;
    request.deadline =
        std::chrono::steady_clock::now() + std::chrono::microseconds(maker.roll(300));
  }
  sent.call = call_for(std::move(request));
  return sent;
}

void one_round(Engine& engine, RequestMaker& maker) {
  std::vector<Sent> sent(1 + maker.roll(12));
  std::vector<PendingRef> turn;
  for (Sent& one : sent) {
    one = prepare(maker);
    turn.push_back(one.call);
  }
  switch (maker.roll(3)) {
    case 0:
      engine.submit_turn(turn);
      break;
    case 1:
      for (Sent& one : sent) engine.submit(one.call);
      break;
    default: {
      for (Sent& one : sent) {
        const Response response = engine.infer(std::move(one.call->request));
        if (response.status.ok()) {
          EXPECT_EQ(values_of<float>(response.outputs.at(0).tensor), one.values);
        } else {
          EXPECT_TRUE(one.may_fail) << response.status.to_string();
        }
      }
      return;
    }
  }
  for (Sent& one : sent) {
    if (maker.roll(6) != 0) continue;
    one.may_fail = true;
    one.call->cancel();
  }
  for (const Sent& one : sent) check(one);
}

void run_clients(Engine& engine, bool variable_width) {
  std::vector<std::jthread> clients;
  for (int t = 0; t < kThreads; ++t) {
    clients.emplace_back([&engine, t, variable_width] {
      RequestMaker maker(t, variable_width);
      for (int i = 0; i < kRounds; ++i) one_round(engine, maker);
    });
  }
}

std::uint64_t answered(const ModelStats& stats) {
  std::uint64_t total = stats.success;
  for (std::uint64_t failures : stats.failure) total += failures;
  return total;
}

class Batching : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(Batching, IsInvisibleForFixedShapes) {
  EngineOptions options;
  options.lanes = 3;
  options.inline_run_us_max = GetParam();
  LoadedEngine loaded(options);
  loaded.load_echo("m", echo_signature());
  run_clients(*loaded.engine, false);
  EXPECT_TRUE(loaded.engine->drain(kNever));
  EXPECT_GT(answered(loaded.engine->stats().models.at(0)), 0U);
}

TEST_P(Batching, IsInvisibleForVariableShapesAndWaiting) {
  EngineOptions options;
  options.lanes = 2;
  options.inline_run_us_max = GetParam();
  LoadedEngine loaded(options);
  auto backend = make_echo_backend(echo_signature(DType::f32, {kAnySize, kAnySize}));
  ModelSource source = LoadedEngine::source("m");
  source.batch_rows_max = 7;
  source.batch_delay_us_max = 100;
  ASSERT_TRUE(loaded.engine->load(source, *std::move(backend)).ok());
  run_clients(*loaded.engine, true);
  EXPECT_TRUE(loaded.engine->drain(kNever));
  EXPECT_EQ(loaded.engine->stats().models.at(0).queued, 0U);
}

// 0: nothing runs on the submitting event loop; the default: fast models do.
INSTANTIATE_TEST_SUITE_P(InlineAndLanes, Batching, ::testing::Values(0U, 250U));

TEST(Swapping, LosesNoRequestUnderLoad) {
  LoadedEngine loaded;
  loaded.load_echo("m", echo_signature());
  std::jthread swapper([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) loaded.load_echo("m", echo_signature());
  });
  std::vector<std::jthread> clients;
  for (int t = 0; t < 4; ++t) {
    clients.emplace_back([&, t] {
      RequestMaker maker(t, false);
      for (int i = 0; i < 200; ++i) {
        std::vector<float> values;
        std::vector<PendingRef> turn;
        auto call = call_for(maker.make(values));
        turn.push_back(call);
        if (i % 2) {
          loaded.engine->submit_turn(turn);
        } else {
          loaded.engine->submit(call);
        }
        const Response& response = call->wait();
        ASSERT_TRUE(response.status.ok()) << response.status.to_string();
        EXPECT_EQ(values_of<float>(response.outputs.at(0).tensor), values);
        const Response direct = loaded.engine->infer(maker.make(values));
        ASSERT_TRUE(direct.status.ok()) << direct.status.to_string();
      }
    });
  }
}

}  // namespace
}  // namespace mlops::testing
