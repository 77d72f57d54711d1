// Rows that are looked for one by one: the same answers as without, and no row runs twice.

#include <gtest/gtest.h>

#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "engine/row_search.h"
#include "observe/profile_bytes.h"
#include "observe/reference_build.h"
#include "support/loaded_engine.h"
#include "support/temporary_folder.h"

namespace mlops::testing::cache_rows {
namespace {

// Two inputs and two outputs, of numbers and of strings.
class TwoColumns final : public Backend {
 public:
  struct Ran {
    std::atomic<std::size_t> rows{0};
    std::atomic<std::size_t> runs{0};
  };
  explicit TwoColumns(std::shared_ptr<Ran> ran) : ran_(std::move(ran)) {}
  const Signature& signature() const override { return signature_; }
  std::string_view platform() const override { return "two columns"; }
  Result<std::unique_ptr<Executor>> make_executor() override {
    return std::unique_ptr<Executor>(std::make_unique<Run>(*ran_));
  }

 private:
  class Run final : public Executor {
   public:
    explicit Run(Ran& ran) : ran_(ran) {}
    Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override {
      const std::int64_t rows = inputs[0].shape[0];
      ran_.rows += static_cast<std::size_t>(rows);
      ++ran_.runs;
      const std::vector<float> x = values_of<float>(inputs[0]);
      const std::vector<std::string> s = strings_of(inputs[1]);
      std::vector<float> y;
      std::vector<std::string> t;
      for (std::size_t i = 0; i < static_cast<std::size_t>(rows); ++i) {
        if (x[3 * i] == -1) return Status::invalid_argument("a row is bad");
        y.push_back(x[3 * i] + 2 * x[3 * i + 1]);
        y.push_back(x[3 * i + 2] * static_cast<float>(s[2 * i].size()));
        t.push_back(s[2 * i] + "/" + s[2 * i + 1]);
      }
      outputs[0].tensor = dense(DType::f32, Shape{rows, 2}, y);
      outputs[1].tensor = strings(Shape{rows}, t);
      return {};
    }

   private:
    Ran& ran_;
  };

  const std::shared_ptr<Ran> ran_;
  const Signature signature_{
      {spec("x", DType::f32, {kAnySize, 3}), spec("s", DType::bytes, {kAnySize, 2})},
      {spec("y", DType::f32, {kAnySize, 2}), spec("t", DType::bytes, {kAnySize})}};
};

ModelSource source_with(ConfigStrings parameters, bool cached = true) {
  auto config = std::make_shared<ModelConfig>();
  config->response_cache = cached;
  config->parameters = std::move(parameters);
  ModelSource source = LoadedEngine::source("m", 1, 2);
  source.config = config;
  return source;
}

struct RowEngine : LoadedEngine {
  explicit RowEngine(ConfigStrings parameters, bool cached = true)
      : LoadedEngine([] {
          EngineOptions options;
          options.response_cache_bytes = 4 << 20;
          return options;
        }()) {
    const Status loaded =
        engine->load(source_with(std::move(parameters), cached), std::make_unique<TwoColumns>(ran));
    EXPECT_TRUE(loaded.ok()) << loaded.to_string();
    EXPECT_TRUE(engine->info("m", 1)->batchable);
    ran->rows = 0;
    ran->runs = 0;
  }
  ModelStats stats() { return engine->stats().models.at(0); }

  std::shared_ptr<TwoColumns::Ran> ran = std::make_shared<TwoColumns::Ran>();
};

ConfigStrings by_rows() { return {{"response_cache_rows", "on"}}; }

// A request of rows by number: the same number, the same row.
Request request_of(const std::vector<int>& numbers) {
  std::vector<float> x;
  std::vector<std::string> s;
  for (const int number : numbers) {
    const auto value = static_cast<float>(number);
    x.insert(x.end(), {value, value / 3, -value});
    s.push_back(std::string(static_cast<std::size_t>(number < 0 ? 0 : number % 4), 'a'));
    s.push_back(std::to_string(number));
  }
  const auto rows = static_cast<std::int64_t>(numbers.size());
  Request request = request_for("m", dense(DType::f32, Shape{rows, 3}, x), "x");
  request.inputs.push_back({"s", strings(Shape{rows, 2}, s)});
  return request;
}

std::string marked(const Response& response) {
  for (const Parameter& parameter : response.parameters) {
    if (parameter.name == "cache") return std::get<std::string>(parameter.value);
  }
  return "";
}

void expect_same(const Response& a, const Response& b) {
  ASSERT_EQ(a.status.code(), b.status.code()) << a.status.to_string() << b.status.to_string();
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.version, b.version);
  EXPECT_EQ(a.model, b.model);
  ASSERT_EQ(a.outputs.size(), b.outputs.size());
  for (std::size_t i = 0; i < a.outputs.size(); ++i) {
    EXPECT_EQ(a.outputs[i].name, b.outputs[i].name);
    const Tensor& x = a.outputs[i].tensor;
    const Tensor& y = b.outputs[i].tensor;
    EXPECT_EQ(x.dtype, y.dtype);
    EXPECT_EQ(x.shape, y.shape);
    EXPECT_TRUE(std::ranges::equal(x.bytes, y.bytes)) << a.outputs[i].name;
  }
}

void expect_rows(const Request& part, const Request& whole) {
  ASSERT_EQ(part.inputs.size(), whole.inputs.size());
  for (std::size_t i = 0; i < part.inputs.size(); ++i) {
    EXPECT_EQ(part.inputs[i].name, whole.inputs[i].name);
    EXPECT_EQ(part.inputs[i].tensor.shape, whole.inputs[i].tensor.shape);
    EXPECT_TRUE(std::ranges::equal(part.inputs[i].tensor.bytes, whole.inputs[i].tensor.bytes));
  }
}

enum class Door { infer, submit, turn };

Response answer_of(Engine& engine, const Request& request, Door door) {
  if (door == Door::infer) return engine.infer(Request(request));
  auto call = call_for(request);
  if (door == Door::submit) {
    engine.submit(call);
  } else {
    std::vector<PendingRef> turn = {call};
    engine.submit_turn(turn);
  }
  return call->wait();
}

Request random_request(std::mt19937& random) {
  std::vector<int> numbers(random() % 7);
  for (int& number : numbers) number = static_cast<int>(random() % 14);
  Request request = request_of(numbers);
  request.id = std::to_string(random() % 100);
  if (random() % 3 == 0) std::swap(request.inputs[0], request.inputs[1]);
  if (random() % 4 == 0) request.outputs = {"t"};
  if (random() % 4 == 0) request.outputs = {"t", "y"};
  return request;
}

using RowAndOutputs = std::pair<std::string, std::vector<std::string_view>>;

// What a row is to the cache: its number, and the outputs that are asked for.
void note_rows(const Request& request, std::set<RowAndOutputs>& rows) {
  const bool swapped = request.inputs[0].name == "s";
  const auto texts = strings_of(request.inputs[swapped ? 0 : 1].tensor);
  for (std::size_t i = 1; i < texts.size(); i += 2) rows.emplace(texts[i], request.outputs);
}

TEST(CacheOfRows, AnswersAsWithoutItAndRunsNoRowTwice) {
  for (const bool verify : {false, true}) {
    ConfigStrings parameters = by_rows();
    if (verify) parameters["response_cache_verify"] = "on";
    RowEngine plain({}, false);
    RowEngine cached(parameters);
    std::mt19937 random(7);
    std::set<RowAndOutputs> rows;
    std::size_t looked = 0;
    for (int i = 0; i < 600; ++i) {
      const Request request = random_request(random);
      const auto door = static_cast<Door>(random() % 3);
      const Response with = answer_of(*cached.engine, request, door);
      expect_same(with, answer_of(*plain.engine, request, door));
      ASSERT_FALSE(::testing::Test::HasFailure()) << "request " << i;
      note_rows(request, rows);
      looked += static_cast<std::size_t>(request.inputs[0].tensor.shape[0]);
    }
    EXPECT_EQ(cached.ran->rows, rows.size());
    EXPECT_TRUE(cached.engine->drain(kNever));
    const ModelStats stats = cached.stats();
    EXPECT_EQ(stats.success, 600U);
    EXPECT_EQ(stats.cache_rows.found + stats.cache_rows.missed, looked);
    EXPECT_GT(stats.cache_rows.found, stats.cache_rows.missed);
    EXPECT_GT(stats.cache_partial, 0U);
    EXPECT_LE(stats.cache_partial, stats.cache_miss.count);
  }
}

TEST(CacheOfRows, RunsWhatIsMissingAndSaysSo) {
  RowEngine cached(by_rows());
  EXPECT_EQ(marked(cached.engine->infer(request_of({1, 2}))), "");
  EXPECT_EQ(cached.ran->rows, 2U);
  EXPECT_EQ(marked(cached.engine->infer(request_of({2, 3, 1, 3}))), "partial");
  EXPECT_EQ(cached.ran->rows, 3U);
  EXPECT_EQ(marked(cached.engine->infer(request_of({3, 3, 2}))), "hit");
  EXPECT_EQ(marked(cached.engine->infer(request_of({3}))), "hit");  // alone or not
  EXPECT_EQ(marked(cached.engine->infer(request_of({4}))), "");
  EXPECT_EQ(marked(cached.engine->infer(request_of({4, 1}))), "hit");
  EXPECT_EQ(marked(cached.engine->infer(request_of({5, 5}))), "");  // equal rows run once
  EXPECT_EQ(cached.ran->rows, 5U);
  const ModelStats stats = cached.stats();
  EXPECT_EQ(stats.cache_hit.count, 3U);
  EXPECT_EQ(stats.cache_miss.count, 4U);
  EXPECT_EQ(stats.cache_partial, 1U);
  EXPECT_EQ(stats.cache_rows.found, 2U + 3 + 1 + 2);
  EXPECT_EQ(stats.cache_rows.missed, 2U + 2 + 1 + 2);
  EXPECT_GT(cached.engine->copies().total(CopySite::cache_rows), 0U);
}

TEST(CacheOfRows, ARowThatFailsFailsItsRequestAndIsNotKept) {
  RowEngine cached(by_rows());
  EXPECT_TRUE(cached.engine->infer(request_of({1})).status.ok());
  for (const Door door : {Door::infer, Door::submit, Door::turn}) {
    Request bad = request_of({1, -1, 2});
    bad.id = "bad";
    const Response response = answer_of(*cached.engine, bad, door);
    EXPECT_EQ(response.status.code(), Code::invalid_argument);
    EXPECT_EQ(response.id, "bad");
  }
  EXPECT_EQ(marked(cached.engine->infer(request_of({1, 2}))), "partial");
}

// What runs may go on after the request was answered: it keeps what its names point into.
TEST(CacheOfRows, WhatRunsKeepsTheMemoryOfItsNames) {
  const KeyMaker maker(1);
  Request request = request_of({1, 2});
  bool given_back = false;
  request.keep_alive.push_back(foreign_buffer("s", 1, [&] { given_back = true; }));
  RowSearch search(*RequestRows::cut(request),
                   {maker.scope({"m", 1, "", 0}), maker.scope({"m", 2, "", 0})}, {});
  EXPECT_FALSE(search.plan());  // all of them
  std::optional<Request> missing = search.missing(request);
  ASSERT_TRUE(missing);
  expect_rows(*missing, request);
  request = Request();
  EXPECT_FALSE(given_back);
  missing.reset();
  EXPECT_TRUE(given_back);
}

TEST(CacheOfRows, AFlushForgetsRows) {
  RowEngine cached(by_rows());
  cached.engine->infer(request_of({1, 2}));
  ASSERT_TRUE(cached.engine->flush_response_cache("m", kAnyVersion).ok());
  EXPECT_EQ(marked(cached.engine->infer(request_of({1, 2}))), "");
}

TEST(CacheOfRows, ShareStepsWhereAsked) {
  RowEngine cached({{"response_cache_rows", "on"}, {"response_cache_step:x", "0.1"}});
  RowEngine whole(ConfigStrings{{"response_cache_step:x", "0.1"}});
  const auto near = [](float x) {
    Request request = request_for("m", dense<float>(DType::f32, {2, 3}, {x, 1, 1, 9, 9, 9}), "x");
    request.inputs.push_back({"s", strings({2, 2}, {"a", "b", "c", "d"})});
    return request;
  };
  for (RowEngine* engine : {&cached, &whole}) {
    const Response first = engine->engine->infer(near(0.5F));
    const Response same = engine->engine->infer(near(0.52F));
    EXPECT_EQ(marked(same), "hit");
    // The answer is that of the first of the cell.
    EXPECT_TRUE(std::ranges::equal(same.outputs[0].tensor.bytes, first.outputs[0].tensor.bytes));
    EXPECT_EQ(marked(engine->engine->infer(near(0.66F))), engine == &cached ? "partial" : "");
  }
}

TEST(CacheOfRows, IsRefusedWhereItCannotBe) {
  const auto refusal = [&](ConfigStrings parameters, std::optional<std::int64_t> batch) {
    ModelSource source = source_with(std::move(parameters));
    auto config = std::make_shared<ModelConfig>(*source.config);
    config->max_batch_size = batch;
    source.config = config;
    EngineOptions options;
    options.response_cache_bytes = 1 << 20;
    LoadedEngine with_cache(options);
    const Status status = with_cache.engine->load(
        source, std::make_unique<TwoColumns>(std::make_shared<TwoColumns::Ran>()));
    EXPECT_EQ(status.code(), Code::invalid_argument);
    return status.message();
  };
  EXPECT_NE(refusal({{"response_cache_rows", "yes"}}, {}).find("on or off"), std::string::npos);
  EXPECT_NE(refusal(by_rows(), 0).find("not independent"), std::string::npos);
  EXPECT_NE(refusal({{"response_cache_step:z", "1"}}, {}).find("no input 'z'"), std::string::npos);
  EXPECT_NE(refusal({{"response_cache_step:s", "1"}}, {}).find("of floats"), std::string::npos);
  for (const char* width : {"0", "-1", "nan", "inf", "1x", ""}) {
    EXPECT_NE(refusal({{"response_cache_step:x", width}}, {}).find("above 0"), std::string::npos);
  }
}

// Whoever asks and whoever leaves: each request is answered once, with its own rows.
TEST(CacheOfRows, EveryRequestIsAnsweredOnceUnderCancellation) {
  RowEngine cached(by_rows());
  struct Asked {
    std::vector<int> numbers;
    Ref<RecordingCall> call;
  };
  std::vector<std::vector<Asked>> asked(3);
  std::vector<std::jthread> threads;
  for (std::size_t t = 0; t < asked.size(); ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      for (int i = 0; i < 150; ++i) {
        std::vector<int> numbers(1 + random() % 4);
        for (int& number : numbers) number = static_cast<int>(random() % 6) + i / 3 * 3;
        auto call = call_for(request_of(numbers));
        asked[t].push_back({numbers, call});
        if (random() % 2 == 0) {
          cached.engine->submit(call);
        } else {
          std::vector<PendingRef> turn = {call};
          cached.engine->submit_turn(turn);
        }
        if (random() % 3 == 0) asked[t][random() % asked[t].size()].call->cancel();
        if (t == 0 && i % 50 == 0) {
          EXPECT_TRUE(cached.engine->flush_response_cache("m", 1).ok());
        }
      }
    });
  }
  threads.clear();
  for (const auto& of_thread : asked) {
    for (const Asked& one : of_thread) {
      const Response& response = one.call->wait();
      EXPECT_EQ(one.call->deliveries(), 1);
      if (response.status.code() == Code::cancelled) continue;
      ASSERT_TRUE(response.status.ok()) << response.status.to_string();
      const auto texts = strings_of(response.outputs[1].tensor);
      ASSERT_EQ(texts.size(), one.numbers.size());
      for (std::size_t i = 0; i < texts.size(); ++i) {
        EXPECT_TRUE(texts[i].ends_with("/" + std::to_string(one.numbers[i]))) << texts[i];
      }
    }
  }
  EXPECT_TRUE(cached.engine->drain(kNever));
}

// A version that is replaced while rows of it run: nothing is lost, nothing old is given.
TEST(CacheOfRows, SurvivesASwapOfVersions) {
  RowEngine cached(by_rows());
  std::atomic<bool> over{false};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      while (!over) {
        const int first = static_cast<int>(random() % 9);
        const auto door = static_cast<Door>(random() % 3);
        const Response response =
            answer_of(*cached.engine, request_of({first, first + 1, first}), door);
        ASSERT_TRUE(response.status.ok()) << response.status.to_string();
        ASSERT_EQ(response.outputs[0].tensor.shape, (Shape{3, 2}));
      }
    });
  }
  for (int i = 0; i < 10; ++i) {
    const Status loaded =
        cached.engine->load(source_with(by_rows()), std::make_unique<TwoColumns>(cached.ran));
    EXPECT_TRUE(loaded.ok()) << loaded.to_string();
  }
  over = true;
  threads.clear();
}

TEST(CacheOfRows, EveryRowIsWatchedOnce) {
  std::vector<float> values(200);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  std::vector<StreamReference> streams;
  streams.push_back(numeric_reference({StreamRole::input, "x", 0, "x"}, values, {}));
  streams.push_back(numeric_reference({StreamRole::output, "y", 1, "y"}, values, {}));
  const TemporaryFolder folder;
  folder.file("reference.profile", profile_bytes({*seal_reference(std::move(streams)), {}}));
  ModelSource source = source_with(by_rows());
  source.path = (folder.path() / "model.onnx").string();
  RowEngine cached(by_rows());
  ASSERT_TRUE(cached.engine->load(source, std::make_unique<TwoColumns>(cached.ran)).ok());
  std::size_t rows = 0;
  for (const auto& numbers : std::vector<std::vector<int>>{{1, 2}, {2, 3, 1, 3}, {3, 3, 2}, {4}}) {
    for (const Door door : {Door::infer, Door::submit}) {
      ASSERT_TRUE(answer_of(*cached.engine, request_of(numbers), door).status.ok());
      rows += numbers.size();
    }
  }
  EXPECT_TRUE(cached.engine->drain(kNever));
  const auto seen = cached.engine->drift("m", kAnyVersion, {});
  ASSERT_TRUE(seen.ok()) << seen.status().to_string();
  for (const StreamCounts& counts : seen->window.counts) EXPECT_EQ(counts.rows(), rows);
}

}  // namespace
}  // namespace mlops::testing::cache_rows
