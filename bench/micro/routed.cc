// mlops-routed: what routes, guards, shadows and the prediction cache add to a request, in process,
// one caller, engine idle. Prints one JSON object of medians and of differences, in nanoseconds.
//
// All candidates run the same back end, which echoes 64 floats and takes three microseconds, so
// that keeping its answers pays. `plain` has no route and no cache. A miss asks for what nobody
// asked for before and keeps the answer; a hit asks for one of 256 requests again. `full` misses in
// a cache that is full, so that keeping an answer throws others out; a cache that never hits would
// be left out, so there is `full_hit`. Batches are of 32 rows, which are looked for one by one, and
// all, half or none of which are found; their model takes thirty microseconds.
//
// With a word only the candidates that begin with it run, beside `plain`: for profiles and counts
// of instructions.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "execute/echo_backend.h"
#include "micro/paired_timing.h"

namespace mlops::micro {
namespace {

constexpr std::size_t kFloats = 64;
constexpr std::size_t kRequests = 256;
constexpr std::size_t kBatch = 32;
constexpr auto kRun = std::chrono::microseconds(3);
constexpr auto kBatchRun = std::chrono::microseconds(30);

Signature signature_of() {
  Signature signature;
  signature.inputs.push_back({"in", DType::f32, {-1, kFloats}, {"", ""}});
  signature.outputs.push_back({"out", DType::f32, {-1, kFloats}, {"", ""}});
  return signature;
}

class SlowEcho final : public Backend {
 public:
  SlowEcho(std::unique_ptr<Backend> echo, Duration takes) : echo_(std::move(echo)), takes_(takes) {}
  const Signature& signature() const override { return echo_->signature(); }
  std::string_view platform() const override { return "echo"; }
  std::optional<Duration> known_run_time() const override { return takes_; }
  Result<std::unique_ptr<Executor>> make_executor() override {
    auto made = echo_->make_executor();
    if (!made.ok()) return made;
    return std::unique_ptr<Executor>(std::make_unique<Run>(*std::move(made), takes_));
  }

 private:
  class Run final : public Executor {
   public:
    Run(std::unique_ptr<Executor> echo, Duration takes) : echo_(std::move(echo)), takes_(takes) {}
    Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override {
      const auto until = std::chrono::steady_clock::now() + takes_;
      const Status ran = echo_->run(inputs, outputs);
      while (std::chrono::steady_clock::now() < until) {
      }
      return ran;
    }

   private:
    const std::unique_ptr<Executor> echo_;
    const Duration takes_;
  };
  const std::unique_ptr<Backend> echo_;
  const Duration takes_;
};

Status load(Engine& engine, const std::string& name, std::int64_t version, bool cached,
            bool batches = false) {
  auto echo = make_echo_backend(signature_of());
  if (!echo.ok()) return echo.status();
  ModelSource source;
  source.name = name;
  source.version = version;
  source.lanes = 1;
  source.response_cache = cached;
  if (batches && cached) {
    auto config = std::make_shared<ModelConfig>();
    config->parameters["response_cache_rows"] = "on";
    source.config = config;
  }
  return engine.load(source,
                     std::make_unique<SlowEcho>(*std::move(echo), batches ? kBatchRun : kRun));
}

RoutePlan plan_of(bool guarded, bool shadowed) {
  RoutePlan plan;
  plan.stable = 1;
  if (!shadowed) plan.arms = {{"canary", 2, 500}};
  if (guarded) plan.guard = GuardPlan{.arm = "canary"};
  if (shadowed) plan.shadows = {{2, 10'000}};
  return plan;
}

// Calls of one model, each with an id; of its rows, every `fresh`-th is one that nobody asked for
// before, none when that is 0.
class Caller {
 public:
  Caller(Engine& engine, std::string model, std::size_t fresh, std::size_t count = 1)
      : engine_(engine),
        model_(std::move(model)),
        fresh_(fresh),
        count_(count),
        rows_((kRequests + count) * kFloats) {
    std::iota(rows_.begin(), rows_.end(), 0.0F);
  }
  bool operator()(std::size_t call) {
    float* rows = rows_.data() + call * count_ % kRequests * kFloats;
    for (std::size_t i = 0; fresh_ > 0 && i < count_; i += fresh_) {
      rows[i * kFloats] = static_cast<float>(++asked_) + 0.5F;
    }
    Tensor tensor;
    tensor.dtype = DType::f32;
    tensor.shape = Shape{static_cast<std::int64_t>(count_), kFloats};
    tensor.bytes = std::as_bytes(std::span(rows, count_ * kFloats));
    Request request;
    request.model = model_;
    request.id = "user-" + std::to_string(call % 10'000);
    request.inputs.push_back({"in", tensor});
    return engine_.infer(std::move(request)).status.ok();
  }

 private:
  Engine& engine_;
  std::string model_;
  std::size_t fresh_;
  std::size_t count_;
  std::size_t asked_ = 0;
  std::vector<float> rows_;
};

int fail(const std::string& why) {
  std::fprintf(stderr, "mlops-routed: %s\n", why.c_str());
  return 1;
}

Status prepare(Engine& engine) {
  for (const std::string name : {"plain", "routed", "guarded", "shadowed", "cached", "both"}) {
    const bool cached = name == "cached" || name == "both";
    for (const std::int64_t version : {1, 2}) {
      if (Status s = load(engine, name, version, cached); !s.ok()) return s;
    }
    if (name == "plain" || name == "cached") continue;  // no route
    const auto set = engine.set_route(name, plan_of(name == "guarded", name == "shadowed"));
    if (!set.ok()) return set.status();
  }
  const Status slow = load(engine, "batches", 1, false, true);
  return slow.ok() ? load(engine, "rows", 1, true, true) : slow;
}

Result<std::unique_ptr<Engine>> engine_with(std::size_t cache_bytes, LogSink& log) {
  EngineOptions options;
  options.response_cache_bytes = cache_bytes;
  auto engine = Engine::create(options, log);
  if (!engine.ok()) return engine;
  if (const Status s = prepare(**engine); !s.ok()) return s;
  return engine;
}

int run(int rounds, std::string_view only) {
  NullLog log;
  auto engine = engine_with(std::size_t{64} << 20, log);
  if (!engine.ok()) return fail(engine.status().to_string());
  auto filled = engine_with(std::size_t{1} << 20, log);
  if (!filled.ok()) return fail(filled.status().to_string());
  std::vector<TimedCandidate> timed;
  const auto wanted = [&](std::string_view name) {
    return only.empty() || name == "plain" || name.starts_with(only);
  };
  using Each = std::tuple<Engine*, const char*, const char*, std::size_t, std::size_t>;
  for (const auto& [of, name, model, fresh, rows] :
       {Each{engine->get(), "plain", "plain", 1, 1},
        {engine->get(), "route", "routed", 1, 1},
        {engine->get(), "guard", "guarded", 1, 1},
        {engine->get(), "shadow", "shadowed", 1, 1},
        {engine->get(), "miss", "cached", 1, 1},
        {engine->get(), "route_miss", "both", 1, 1},
        {engine->get(), "hit", "cached", 0, 1},
        {engine->get(), "route_hit", "both", 0, 1},
        {filled->get(), "full", "cached", 1, 1},
        {filled->get(), "full_hit", "cached", 0, 1},
        {engine->get(), "batch", "batches", 1, kBatch},
        {engine->get(), "batch_miss", "rows", 1, kBatch},
        {engine->get(), "batch_half", "rows", 2, kBatch},
        {engine->get(), "batch_hit", "rows", 0, kBatch}}) {
    if (wanted(name)) timed.push_back({name, Caller(*of, model, fresh, rows), {}});
  }
  if (timed.size() == 1) return fail("no such candidate");
  std::string error;
  TimingOptions timing;
  timing.rounds = rounds;
  if (!time_interleaved(timed, timing, error)) return fail(error + " failed");
  std::printf("{\"schema\":\"mlops-routed/1\",\"rounds\":%d", rounds);
  for (const TimedCandidate& each : timed) {
    const Spread spread = spread_of(each.round_p50_ns);
    const Spread added = difference(each, timed.front());
    std::printf(",\"%s\":{\"ns\":%.0f,\"added\":%.0f,\"low\":%.0f,\"high\":%.0f}",
                each.name.c_str(), spread.median, added.median, added.low, added.high);
  }
  std::printf("}\n");
  return 0;
}

}  // namespace
}  // namespace mlops::micro

int main(int argc, char** argv) {
  return mlops::micro::run(argc > 1 ? std::atoi(argv[1]) : 400, argc > 2 ? argv[2] : "");
}
