// mlops-routed: what routes, guards, shadows and the prediction cache add to a request, in process,
// one caller, engine idle. Prints one JSON object of medians and of differences, in nanoseconds.
//
// All candidates run the same back end, which echoes 64 floats and takes three microseconds, so
// that keeping its answers pays. `plain` has no route and no cache. A miss asks for what nobody
// asked for before and keeps the answer; a hit asks for one of 256 requests again. `full` misses in
// a cache that is full, so that keeping an answer throws others out. With the name of a candidate
// only that one runs, beside `plain`: for profiles and counts of instructions.
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
constexpr auto kRun = std::chrono::microseconds(3);

Signature signature_of() {
  Signature signature;
  signature.inputs.push_back({"in", DType::f32, {-1, kFloats}, {"", ""}});
  signature.outputs.push_back({"out", DType::f32, {-1, kFloats}, {"", ""}});
  return signature;
}

class SlowEcho final : public Backend {
 public:
  explicit SlowEcho(std::unique_ptr<Backend> echo) : echo_(std::move(echo)) {}
  const Signature& signature() const override { return echo_->signature(); }
  std::string_view platform() const override { return "echo"; }
  std::optional<Duration> known_run_time() const override { return kRun; }
  Result<std::unique_ptr<Executor>> make_executor() override {
    auto made = echo_->make_executor();
    if (!made.ok()) return made;
    return std::unique_ptr<Executor>(std::make_unique<Run>(*std::move(made)));
  }

 private:
  class Run final : public Executor {
   public:
    explicit Run(std::unique_ptr<Executor> echo) : echo_(std::move(echo)) {}
    Status run(std::span<const Tensor> inputs, std::span<OutputSlot> outputs) override {
      const auto until = std::chrono::steady_clock::now() + kRun;
      const Status ran = echo_->run(inputs, outputs);
      while (std::chrono::steady_clock::now() < until) {
      }
      return ran;
    }

   private:
    const std::unique_ptr<Executor> echo_;
  };
  const std::unique_ptr<Backend> echo_;
};

Status load(Engine& engine, const std::string& name, std::int64_t version, bool cached) {
  auto echo = make_echo_backend(signature_of());
  if (!echo.ok()) return echo.status();
  ModelSource source;
  source.name = name;
  source.version = version;
  source.lanes = 1;
  source.response_cache = cached;
  return engine.load(source, std::make_unique<SlowEcho>(*std::move(echo)));
}

RoutePlan plan_of(bool guarded, bool shadowed) {
  RoutePlan plan;
  plan.stable = 1;
  if (!shadowed) plan.arms = {{"canary", 2, 500}};
  if (guarded) plan.guard = GuardPlan{.arm = "canary"};
  if (shadowed) plan.shadows = {{2, 10'000}};
  return plan;
}

// Calls of one model, each with an id; `fresh`: no two with the same floats.
class Caller {
 public:
  Caller(Engine& engine, std::string model, bool fresh)
      : engine_(engine), model_(std::move(model)), fresh_(fresh), rows_(kRequests * kFloats) {
    std::iota(rows_.begin(), rows_.end(), 0.0F);
  }
  bool operator()(std::size_t call) {
    float* row = rows_.data() + call % kRequests * kFloats;
    if (fresh_) row[0] = static_cast<float>(++asked_) + 0.5F;
    Tensor tensor;
    tensor.dtype = DType::f32;
    tensor.shape = Shape{1, kFloats};
    tensor.bytes = std::as_bytes(std::span(row, kFloats));
    Request request;
    request.model = model_;
    request.id = "user-" + std::to_string(call % 10'000);
    request.inputs.push_back({"in", tensor});
    return engine_.infer(std::move(request)).status.ok();
  }

 private:
  Engine& engine_;
  std::string model_;
  bool fresh_;
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
    if (name == "plain" || name == "cached") continue;
    const auto set = engine.set_route(name, plan_of(name == "guarded", name == "shadowed"));
    if (!set.ok()) return set.status();
  }
  return {};
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
    return only.empty() || name == "plain" || name == only;
  };
  for (const auto& [name, model, fresh] : {std::tuple{"plain", "plain", true},
                                           {"route", "routed", true},
                                           {"guard", "guarded", true},
                                           {"shadow", "shadowed", true},
                                           {"miss", "cached", true},
                                           {"route_miss", "both", true},
                                           {"hit", "cached", false},
                                           {"route_hit", "both", false}}) {
    if (wanted(name)) timed.push_back({name, Caller(**engine, model, fresh), {}});
  }
  if (wanted("full")) timed.push_back({"full", Caller(**filled, "cached", true), {}});
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
