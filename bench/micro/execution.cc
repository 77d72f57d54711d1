// mlops-execution: how long the ways to execute one model take for the same rows.
//
// ONNX Runtime, OpenVINO in f32 and in bf16 (where the processor has it), and tiles of bytes where
// the file and the processor are made for them, all through Executor::run, interleaved, in batches
// of 1, 8, 32 and 128 rows (as far as a run of all takes less than a second). Prints one JSON
// object: microseconds per run, and how many times as long ONNX Runtime takes.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "engine/probe_rows.h"
#include "execute/byte_backend.h"
#include "execute/openvino_backend.h"
#include "execute/ort_backend.h"
#include "micro/paired_timing.h"

namespace mlops::micro {
namespace {

int fail(const std::string& why) {
  std::fprintf(stderr, "mlops-execution: %s\n", why.c_str());
  return 1;
}

struct Way {
  std::string name;
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Executor> executor;
};

class Caller {
 public:
  Caller(Way& way, const std::vector<Tensor>& inputs)
      : way_(way), inputs_(inputs), slots_(way.backend->signature().outputs.size()) {}

  bool run() {
    for (OutputSlot& slot : slots_) slot = {true, {}};
    return way_.executor->run(inputs_, slots_).ok();
  }
  const std::vector<OutputSlot>& outputs() const { return slots_; }

 private:
  Way& way_;
  const std::vector<Tensor>& inputs_;
  std::vector<OutputSlot> slots_;
};

std::string entry(const TimedCandidate& reference, const TimedCandidate& other, double difference) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < reference.round_p50_ns.size(); ++i) {
    ratios.push_back(reference.round_p50_ns[i] / other.round_p50_ns[i]);
  }
  const Spread ratio = spread_of(ratios);
  char text[200];
  std::snprintf(text, sizeof text,
                "\"%s\":{\"us\":%.1f,\"ratio\":%.2f,\"ratio_p5\":%.2f,\"ratio_p95\":%.2f,"
                "\"difference\":%.1e}",
                other.name.c_str(), spread_of(other.round_p50_ns).median * 1e-3, ratio.median,
                ratio.low, ratio.high, difference);
  return text;
}

constexpr double kSecondsOfARoundMax = 1;
constexpr double kSecondsMax = 4;  // of one batch size

TimingOptions options_for(double once_s) {
  TimingOptions options;
  options.warm = 1;
  options.calls = once_s < 1e-3 ? 30 : once_s < 1e-2 ? 10 : 2;
  const double round_s = once_s * (options.calls + options.warm);
  options.rounds = static_cast<int>(std::clamp(kSecondsMax / round_s, 3.0, 60.0));
  return options;
}

int measure(std::vector<Way>& ways, std::int64_t open_size) {
  std::string text;
  const Signature& signature = ways[0].backend->signature();
  for (const std::int64_t batch : {1, 8, 32, 128}) {
    std::mt19937_64 random(3);
    const auto inputs = make_probe_inputs(signature, {batch, open_size, 1}, random);
    if (inputs.size() != signature.inputs.size()) return fail("its inputs are too large");
    std::vector<Caller> callers;
    for (Way& way : ways) callers.emplace_back(way, inputs);
    std::vector<TimedCandidate> timed;
    for (std::size_t i = 0; i < ways.size(); ++i) {
      if (!callers[i].run()) return fail(ways[i].name + " fails");
      timed.push_back({ways[i].name, [&, i](std::size_t) { return callers[i].run(); }, {}});
    }
    std::vector<double> differences;
    for (const Caller& caller : callers) {
      double worst = 0;
      for (std::size_t i = 0; i < signature.outputs.size(); ++i) {
        worst = std::max(
            worst, relative_difference(callers[0].outputs()[i].tensor, caller.outputs()[i].tensor)
                       .value_or(1));
      }
      differences.push_back(worst);
    }
    const SteadyClock clock;
    const TimePoint before = clock.now();
    for (Caller& caller : callers) {
      if (!caller.run()) return fail("a model fails the second time");
    }
    const double once_s = 1e-9 * static_cast<double>(elapsed_ns(before, clock.now()));
    if (once_s > kSecondsOfARoundMax) break;
    const TimingOptions options = options_for(once_s);
    std::string error;
    if (!time_interleaved(timed, options, error)) return fail(error + " failed");
    text += (text.empty() ? "\"" : ",\"") + std::to_string(batch) + "\":{";
    for (std::size_t i = 0; i < timed.size(); ++i) {
      text += (i ? "," : "") + entry(timed[0], timed[i], differences[i]);
    }
    text += "}";
  }
  std::printf("{\"schema\":\"mlops-execution/1\",\"rows_at_once\":{%s}}\n", text.c_str());
  return 0;
}

int run(const std::string& library, const std::string& model, std::int64_t open_size) {
  NullLog log;
  auto runtime = OrtRuntime::open({library}, log);
  if (!runtime.ok()) return fail(runtime.status().to_string());
  const auto openvino = OpenvinoRuntime::open(openvino_library_candidates({library}));
  if (!openvino.ok()) return fail(openvino.status().to_string());
  std::vector<Way> ways;
  auto reference = load_ort_backend(*runtime, model, {}, nullptr);
  if (!reference.ok()) return fail(reference.status().to_string());
  ways.push_back({"onnxruntime", *std::move(reference), nullptr});
  for (const OpenvinoPrecision precision : {OpenvinoPrecision::f32, OpenvinoPrecision::bf16}) {
    const bool bf16 = precision == OpenvinoPrecision::bf16;
    if (bf16 && !(*openvino)->has_bf16()) continue;
    auto made =
        load_openvino_backend(*openvino, model, *ways[0].backend, {precision, 0, {}}, nullptr);
    if (!made.ok()) return fail(made.status().to_string());
    ways.push_back({bf16 ? "openvino_bf16" : "openvino_f32", *std::move(made), nullptr});
  }
  if (may_use_tiles()) {
    auto tiles = load_byte_backend(model, *ways[0].backend, run_layer_in_tiles);
    if (tiles.ok()) ways.push_back({"tiles_of_bytes", *std::move(tiles), nullptr});
  }
  for (Way& way : ways) {
    auto executor = way.backend->make_executor();
    if (!executor.ok()) return fail(executor.status().to_string());
    way.executor = *std::move(executor);
  }
  return measure(ways, open_size);
}

}  // namespace
}  // namespace mlops::micro

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    std::fprintf(stderr, "usage: mlops-execution LIBONNXRUNTIME MODEL.onnx [SIZE OF OPEN AXES]\n");
    return 2;
  }
  return mlops::micro::run(argv[1], argv[2], argc == 4 ? std::atoll(argv[3]) : 64);
}
