// Answers that are kept: never an old one, never one of another request, one run for equal
// requests.

#include <gtest/gtest.h>

#include <barrier>
#include <random>
#include <thread>

#include "engine/cache_worth.h"
#include "observe/profile_bytes.h"
#include "observe/reference_build.h"
#include "support/loaded_engine.h"
#include "support/temporary_folder.h"

namespace mlops::testing {
namespace {

EngineOptions with_cache() {
  EngineOptions options;
  options.response_cache_bytes = 1 << 20;
  return options;
}

ModelSource cached(unsigned lanes = 1) {
  ModelSource source = LoadedEngine::source("m", 1, lanes);
  source.response_cache = true;
  return source;
}

Request request_of(float first, std::string id = {}) {
  Request request = request_for("m", float_rows(1, first));
  request.id = std::move(id);
  return request;
}

std::string marked(const Response& response) {
  for (const Parameter& parameter : response.parameters) {
    if (parameter.name == "cache") return std::get<std::string>(parameter.value);
  }
  return "";
}

ModelStats stats_of(LoadedEngine& loaded) { return loaded.engine->stats().models.at(0); }

// Its first input plus a number, so that answers tell which load made them.
class PlusBackend final : public Backend {
 public:
  explicit PlusBackend(float plus) : plus_(plus) {}
  const Signature& signature() const override { return signature_; }
  std::string_view platform() const override { return "plus"; }
  Result<std::unique_ptr<Executor>> make_executor() override {
    return std::unique_ptr<Executor>(std::make_unique<Run>(plus_));
  }

 private:
  class Run final : public Executor {
   public:
    explicit Run(float plus) : plus_(plus) {}
    Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override {
      std::vector<float> values = values_of<float>(inputs.front());
      for (float& value : values) value += plus_;
      outputs.front().tensor = dense(DType::f32, inputs.front().shape, values);
      return {};
    }

   private:
    const float plus_;
  };
  const Signature signature_ = echo_signature();
  const float plus_;
};

TEST(ResponseCache, AnswersTheSameRequestWithoutRunningIt) {
  LoadedEngine loaded(with_cache());
  const auto gate = loaded.load_gated(cached());
  EXPECT_EQ(marked(loaded.engine->infer(request_of(1, "a"))), "");
  const Response hit = loaded.engine->infer(request_of(1, "b"));
  ASSERT_TRUE(hit.status.ok());
  EXPECT_EQ(marked(hit), "hit");
  EXPECT_EQ(hit.id, "b");
  EXPECT_EQ(hit.version, 1);
  EXPECT_EQ(hit.model, "m");
  ASSERT_EQ(hit.outputs.size(), 1U);
  EXPECT_EQ(hit.outputs[0].name, "out");
  EXPECT_EQ(hit.outputs[0].tensor.shape, (Shape{1, 4}));
  EXPECT_EQ(values_of<float>(hit.outputs[0].tensor), values_of<float>(float_rows(1, 1)));
  EXPECT_EQ(marked(loaded.engine->infer(request_of(2))), "");
  auto submitted = call_for(request_of(1));
  loaded.engine->submit(submitted);
  EXPECT_EQ(marked(submitted->wait()), "hit");
  std::vector<PendingRef> turn = {call_for(request_of(2)), call_for(request_of(1))};
  loaded.engine->submit_turn(turn);
  EXPECT_EQ(gate->batches().size(), 2U);
  const ModelStats stats = stats_of(loaded);
  EXPECT_EQ(stats.success, 6U);
  EXPECT_EQ(stats.request_ns.count, 6U);
  EXPECT_EQ(stats.inferences, 2U);
  EXPECT_EQ(stats.cache_hit.count, 4U);
  EXPECT_EQ(stats.cache_miss.count, 2U);
  EXPECT_GT(stats.cache_miss.ns, 0U);
  EXPECT_EQ(loaded.engine->stats().cache->entries, 2U);
  EXPECT_GT(loaded.engine->copies().total(CopySite::cache_hit), 0U);
}

TEST(ResponseCache, IsAskedForByModelAndByEngine) {
  LoadedEngine without;
  const auto uncached = without.load_gated(cached());
  LoadedEngine loaded(with_cache());
  const auto not_asked = loaded.load_gated(LoadedEngine::source("m", 1, 1));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(marked(without.engine->infer(request_of(1))), "");
    EXPECT_EQ(marked(loaded.engine->infer(request_of(1))), "");
  }
  EXPECT_EQ(uncached->batches().size(), 2U);
  EXPECT_EQ(not_asked->batches().size(), 2U);
  EngineOptions small;
  small.response_cache_bytes = 5;
  NullLog log;
  EXPECT_EQ(Engine::create(small, log).status().code(), Code::invalid_argument);
}

TEST(ResponseCache, KeepsNoFailures) {
  LoadedEngine loaded(with_cache());
  const auto gate = loaded.load_gated(cached());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(loaded.engine->infer(request_of(-1)).status.code(), Code::invalid_argument);
  }
  EXPECT_EQ(gate->batches().size(), 2U);
  EXPECT_EQ(loaded.engine->stats().cache->entries, 0U);
}

TEST(ResponseCache, IsEmptyAfterAFlush) {
  LoadedEngine loaded(with_cache());
  const auto gate = loaded.load_gated(cached());
  loaded.engine->infer(request_of(1));
  ASSERT_TRUE(loaded.engine->flush_response_cache("m", kAnyVersion).ok());
  EXPECT_EQ(marked(loaded.engine->infer(request_of(1))), "");
  EXPECT_EQ(marked(loaded.engine->infer(request_of(1))), "hit");
  EXPECT_EQ(loaded.engine->flush_response_cache("n", kAnyVersion).code(), Code::not_found);
}

TEST(ResponseCache, VerifiesWhenAsked) {
  LoadedEngine loaded(with_cache());
  auto config = std::make_shared<ModelConfig>();
  config->response_cache = true;
  config->parameters = {{"response_cache_verify", "on"}, {"response_cache_ttl_s", "3600"}};
  ModelSource source = LoadedEngine::source("m", 1, 1);
  source.config = config;
  const auto gate = loaded.load_gated(source);
  loaded.engine->infer(request_of(1));
  EXPECT_EQ(marked(loaded.engine->infer(request_of(1))), "hit");
  // Too much to keep beside the answer: it runs.
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(marked(loaded.engine->infer(request_for("m", float_rows(512, 1)))), "");
  }
}

TEST(ResponseCache, IsRefusedWhereAnAnswerIsNoFunctionOfTheRequest) {
  LoadedEngine loaded(with_cache());
  auto gate = std::make_shared<Gate>();
  ModelSource stateful = cached();
  stateful.sequences = SequenceBatching{};
  Status status =
      loaded.engine->load(stateful, std::make_unique<GateBackend>(gate, echo_signature()));
  EXPECT_EQ(status.code(), Code::invalid_argument);
  EXPECT_NE(status.message().find("keeps state"), std::string::npos) << status.message();
  const TemporaryFolder folder;
  // ModelProto { graph: { node: { op_type: "RandomNormal" } } }
  folder.file("model.onnx", std::string("\x3a\x10\x0a\x0e\x22\x0cRandomNormal", 18));
  ModelSource random = cached();
  random.path = (folder.path() / "model.onnx").string();
  status = loaded.engine->load(random, std::make_unique<GateBackend>(gate, echo_signature()));
  EXPECT_EQ(status.code(), Code::invalid_argument);
  EXPECT_NE(status.message().find("RandomNormal"), std::string::npos) << status.message();
  for (const auto& [name, value] :
       {std::pair("response_cache_ttl_s", "soon"), std::pair("response_cache_verify", "maybe")}) {
    auto config = std::make_shared<ModelConfig>();
    config->response_cache = true;
    config->parameters = {{name, value}};
    ModelSource source = LoadedEngine::source("m", 1, 1);
    source.config = config;
    status = loaded.engine->load(source, std::make_unique<GateBackend>(gate, echo_signature()));
    EXPECT_NE(status.message().find(name), std::string::npos) << status.message();
  }
}

TEST(SingleFlight, EqualRequestsRunOnce) {
  LoadedEngine loaded(with_cache());
  const auto gate = loaded.load_gated(cached(2));
  gate->close();
  std::vector<Ref<RecordingCall>> calls;
  for (int i = 0; i < 500; ++i) {
    calls.push_back(call_for(request_of(1, std::to_string(i))));
    loaded.engine->submit(calls.back());
  }
  gate->wait_for_runs(1);
  gate->open();
  for (int i = 0; i < 500; ++i) {
    const Response& response = calls[static_cast<std::size_t>(i)]->wait();
    ASSERT_TRUE(response.status.ok());
    EXPECT_EQ(response.id, std::to_string(i));
    EXPECT_EQ(values_of<float>(response.outputs[0].tensor), values_of<float>(float_rows(1, 1)));
    EXPECT_EQ(marked(response), i == 0 ? "" : "shared");
  }
  EXPECT_EQ(gate->batches().size(), 1U);
  EXPECT_TRUE(loaded.engine->drain(kNever));  // a lane counts an answer after giving it
  EXPECT_EQ(stats_of(loaded).cache_shared, 499U);
  EXPECT_EQ(stats_of(loaded).success, 500U);
}

TEST(SingleFlight, AStampedeOfThreadsRunsOnce) {
  constexpr int kStampede = 16;
  for (int round = 0; round < 20; ++round) {
    LoadedEngine loaded(with_cache());
    const auto gate = loaded.load_gated(cached(4));
    std::barrier together(kStampede);
    std::vector<std::jthread> threads;
    for (int t = 0; t < kStampede; ++t) {
      threads.emplace_back([&] {
        together.arrive_and_wait();
        EXPECT_TRUE(loaded.engine->infer(request_of(1)).status.ok());
      });
    }
    threads.clear();
    ASSERT_EQ(gate->batches().size(), 1U);
  }
}

TEST(SingleFlight, WhoWaitsTakesOverFromALeaderThatIsCancelled) {
  LoadedEngine loaded(with_cache());
  const auto gate = loaded.load_gated(cached());
  gate->close();
  auto leader = call_for(request_of(1));
  auto second = call_for(request_of(1));
  auto third = call_for(request_of(1));
  loaded.engine->submit(leader);
  gate->wait_for_runs(1);
  loaded.engine->submit(second);
  loaded.engine->submit(third);
  EXPECT_TRUE(leader->cancel());
  EXPECT_TRUE(second->cancel());  // which leads now
  gate->open();
  ASSERT_TRUE(third->wait().status.ok());
  EXPECT_EQ(leader->wait().status.code(), Code::cancelled);
  EXPECT_EQ(second->wait().status.code(), Code::cancelled);
  for (const auto& call : {leader, second, third}) EXPECT_EQ(call->deliveries(), 1);
  EXPECT_TRUE(loaded.engine->drain(kNever));
}

TEST(SingleFlight, WhoWaitsCanLeave) {
  LoadedEngine loaded(with_cache());
  const auto gate = loaded.load_gated(cached());
  gate->close();
  auto leader = call_for(request_of(1));
  auto cancelled = call_for(request_of(1));
  Request hurried = request_of(1);
  hurried.deadline = SteadyClock().now() + std::chrono::milliseconds(5);
  auto late = call_for(std::move(hurried));
  loaded.engine->submit(leader);
  gate->wait_for_runs(1);
  loaded.engine->submit(cancelled);
  loaded.engine->submit(late);
  EXPECT_TRUE(cancelled->cancel());
  EXPECT_EQ(late->wait().status.code(), Code::deadline_exceeded);
  gate->open();
  EXPECT_TRUE(leader->wait().status.ok());
  EXPECT_EQ(cancelled->deliveries(), 1);
  // The watch counts an answer after giving it.
  while (stats_of(loaded).failure[static_cast<std::size_t>(Code::deadline_exceeded)] < 1U) {
    std::this_thread::yield();
  }
}

TEST(SingleFlight, WhatFailsTheLeaderFailsThoseWhoWait) {
  LoadedEngine loaded(with_cache());
  const auto gate = loaded.load_gated(cached());
  gate->close();
  auto leader = call_for(request_of(-1));
  auto other = call_for(request_of(-1, "other"));
  loaded.engine->submit(leader);
  gate->wait_for_runs(1);
  loaded.engine->submit(other);
  gate->open();
  EXPECT_EQ(leader->wait().status.code(), Code::invalid_argument);
  EXPECT_EQ(other->wait().status.code(), Code::invalid_argument);
  EXPECT_EQ(other->wait().id, "other");
  EXPECT_EQ(gate->batches().size(), 1U);
}

TEST(SingleFlight, EveryRequestIsAnsweredOnceUnderCancellation) {
  LoadedEngine loaded(with_cache());
  loaded.load_gated(cached(2));
  std::vector<std::vector<Ref<RecordingCall>>> calls(3);
  std::vector<std::jthread> threads;
  for (std::size_t t = 0; t < calls.size(); ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      for (int i = 0; i < 300; ++i) {
        calls[t].push_back(call_for(request_of(static_cast<float>(random() % 8 + i / 20))));
        loaded.engine->submit(calls[t].back());
        if (random() % 3 == 0) calls[t][random() % calls[t].size()]->cancel();
      }
    });
  }
  threads.clear();
  for (const auto& of_thread : calls) {
    for (const auto& call : of_thread) {
      const Code code = call->wait().status.code();
      EXPECT_TRUE(code == Code::ok || code == Code::cancelled);
      EXPECT_EQ(call->deliveries(), 1);
    }
  }
  EXPECT_TRUE(loaded.engine->drain(kNever));
}

// Once load() has returned, no answer of what was there before is given, and none is lost
// meanwhile.
TEST(ResponseCache, NeverAnswersForWhatWasReplaced) {
  LoadedEngine loaded(with_cache());
  const auto load = [&](int plus) {
    const Status status =
        loaded.engine->load(cached(2), std::make_unique<PlusBackend>(static_cast<float>(plus)));
    ASSERT_TRUE(status.ok()) << status.to_string();
  };
  load(0);
  std::atomic<int> least{0};
  std::atomic<bool> over{false};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      while (!over) {
        const auto first = static_cast<float>(random() % 4 * 1000);
        const int before = least;
        Response response;
        if (t == 0) {
          response = loaded.engine->infer(request_of(first));
        } else {
          auto call = call_for(request_of(first));
          loaded.engine->submit(call);
          response = call->wait();
        }
        ASSERT_TRUE(response.status.ok()) << response.status.to_string();
        ASSERT_GE(values_of<float>(response.outputs[0].tensor)[0] - first,
                  static_cast<float>(before));
      }
    });
  }
  for (int plus = 1; plus <= 25; ++plus) {
    load(plus);
    least = plus;
  }
  over = true;
  threads.clear();
  // The threads may all have asked before the last load, whose count begins at 0.
  EXPECT_TRUE(loaded.engine->infer(request_of(0)).status.ok());
  EXPECT_GT(stats_of(loaded).cache_hit.count + stats_of(loaded).cache_miss.count, 0U);
}

TEST(CacheWorth, IsWhatHitsSaveAgainstWhatLookingCosts) {
  CacheWorth worth;
  EXPECT_FALSE(
      worth.judge({.hits = 10, .hit_ns = 1000, .misses = 90, .miss_ns = 9000, .run_ns = 1000}));
  EXPECT_TRUE(worth.wanted());  // exactly
  auto verdict =
      worth.judge({.hits = 20, .hit_ns = 2000, .misses = 180, .miss_ns = 18000, .run_ns = 999});
  ASSERT_TRUE(verdict);
  EXPECT_FALSE(verdict->pays);
  EXPECT_DOUBLE_EQ(verdict->hit_ratio, 0.1);
  for (std::uint64_t i = 0; i < CacheWorth::kLeftOut; ++i) ASSERT_FALSE(worth.wanted());
  EXPECT_TRUE(worth.wanted());
  // Off again is no news; on again is.
  EXPECT_FALSE(
      worth.judge({.hits = 20, .hit_ns = 2000, .misses = 190, .miss_ns = 19000, .run_ns = 9}));
  EXPECT_FALSE(worth.wanted());
  verdict =
      worth.judge({.hits = 30, .hit_ns = 3000, .misses = 190, .miss_ns = 19000, .run_ns = 100});
  ASSERT_TRUE(verdict);
  EXPECT_TRUE(verdict->pays);
}

TEST(ResponseCache, IsLeftOutWhileNothingComesTwice) {
  LoadedEngine loaded(with_cache());
  ASSERT_TRUE(loaded.engine->load(cached(), std::make_unique<PlusBackend>(0.0F)).ok());
  for (std::uint64_t i = 0; i < CacheWorth::kMissesBetween; ++i) {
    ASSERT_TRUE(loaded.engine->infer(request_of(static_cast<float>(i))).status.ok());
  }
  for (int i = 0; i < 2; ++i) EXPECT_EQ(marked(loaded.engine->infer(request_of(0.5F))), "");
  EXPECT_EQ(stats_of(loaded).cache_miss.count, CacheWorth::kMissesBetween);
}

TEST(ResponseCache, RowsOfHitsAreWatched) {
  std::vector<float> values(200);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  std::vector<StreamReference> streams;
  streams.push_back(numeric_reference({StreamRole::input, "in", 0, "x"}, values, {}));
  streams.push_back(numeric_reference({StreamRole::output, "out", 3, "y"}, values, {}));
  const TemporaryFolder folder;
  folder.file("reference.profile", profile_bytes({*seal_reference(std::move(streams)), {}}));
  ModelSource source = cached();
  source.path = (folder.path() / "model.onnx").string();
  LoadedEngine loaded(with_cache());
  const auto gate = loaded.load_gated(source);
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(loaded.engine->infer(request_for("m", float_rows(3, 10))).status.ok());
  }
  EXPECT_EQ(gate->batches().size(), 1U);
  const auto seen = loaded.engine->drift("m", kAnyVersion, {});
  ASSERT_TRUE(seen.ok()) << seen.status().to_string();
  for (const StreamCounts& counts : seen->window.counts) EXPECT_EQ(counts.rows(), 15U);
  EXPECT_EQ(stats_of(loaded).drift->rows_counted, 15U);
}

}  // namespace
}  // namespace mlops::testing
