// mlops-trees: how long ONNX Runtime and the native trees take for the same rows of one model.
//
// Both through Executor::run, interleaved, over rows whose values are drawn from the forest's own
// thresholds, so that branches go both ways; every call has other rows. Prints one JSON object:
// microseconds per row, and how many times as long ONNX Runtime takes.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/log.h"
#include "execute/ort_backend.h"
#include "execute/tree_backend.h"
#include "micro/paired_timing.h"
#include "model/text_file.h"
#include "trees/tree_graph.h"

namespace mlops::micro {
namespace {

constexpr std::int64_t kRows = 8192;
constexpr std::size_t kFileBytesMax = std::size_t{512} << 20;

int fail(const std::string& why) {
  std::fprintf(stderr, "mlops-trees: %s\n", why.c_str());
  return 1;
}

std::vector<float> rows_of(const Forest& forest, std::int64_t width) {
  std::vector<std::vector<float>> borders(static_cast<std::size_t>(width));
  for (const ForestNode& node : forest.nodes) {
    if (node.mode != NodeMode::leaf) {
      borders[node.feature].push_back(static_cast<float>(node.threshold));
    }
  }
  std::mt19937 random(3);
  std::vector<float> values(static_cast<std::size_t>(kRows * width), 0.0F);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::vector<float>& near = borders[i % static_cast<std::size_t>(width)];
    if (!near.empty()) values[i] = near[random() % near.size()];
  }
  return values;
}

// Calls of `batch` rows, each after the last one's.
class Caller {
 public:
  Caller(Executor& executor, const std::vector<float>& rows, std::int64_t width, std::int64_t batch,
         std::size_t outputs)
      : executor_(executor), rows_(rows), width_(width), batch_(batch), slots_(outputs) {}

  bool run() {
    if (at_ + batch_ > kRows) at_ = 0;
    const std::span<const float> all(rows_);
    const auto first = static_cast<std::size_t>(at_ * width_);
    const auto count = static_cast<std::size_t>(batch_ * width_);
    at_ += batch_;
    const Tensor input{
        DType::f32, Shape{batch_, width_}, std::as_bytes(all.subspan(first, count)), {}};
    for (OutputSlot& slot : slots_) slot = {true, {}};
    return executor_.run({&input, 1}, slots_).ok();
  }

 private:
  Executor& executor_;
  const std::vector<float>& rows_;
  const std::int64_t width_;
  const std::int64_t batch_;
  std::vector<OutputSlot> slots_;
  std::int64_t at_ = 0;
};

int measure(Executor& theirs, Executor& ours, const std::vector<float>& rows, std::int64_t width,
            std::size_t outputs) {
  std::string text;
  for (const std::int64_t batch : {1, 8, 32, 128, 1024}) {
    Caller slow(theirs, rows, width, batch, outputs);
    Caller fast(ours, rows, width, batch, outputs);
    std::vector<TimedCandidate> timed;
    timed.push_back({"onnxruntime", [&](std::size_t) { return slow.run(); }, {}});
    timed.push_back({"native", [&](std::size_t) { return fast.run(); }, {}});
    TimingOptions options;
    options.rounds = batch > 100 ? 40 : 200;
    options.calls = batch > 100 ? 10 : 50;
    options.warm = 3;
    std::string error;
    if (!time_interleaved(timed, options, error)) return fail(error + " failed");
    std::vector<double> ratios;
    for (std::size_t i = 0; i < timed[0].round_p50_ns.size(); ++i) {
      ratios.push_back(timed[0].round_p50_ns[i] / timed[1].round_p50_ns[i]);
    }
    const Spread ratio = spread_of(ratios);
    const double per_row = 1e-3 / static_cast<double>(batch);
    char line[200];
    std::snprintf(line, sizeof line,
                  "%s\"%lld\":{\"onnxruntime_us\":%.3f,\"native_us\":%.3f,\"ratio\":%.1f,"
                  "\"ratio_p5\":%.1f,\"ratio_p95\":%.1f}",
                  text.empty() ? "" : ",", static_cast<long long>(batch),
                  spread_of(timed[0].round_p50_ns).median * per_row,
                  spread_of(timed[1].round_p50_ns).median * per_row, ratio.median, ratio.low,
                  ratio.high);
    text += line;
  }
  std::printf("{\"schema\":\"mlops-trees/1\",\"rows_at_once\":{%s}}\n", text.c_str());
  return 0;
}

int run(const std::string& library, const std::string& model) {
  NullLog log;
  auto runtime = OrtRuntime::open({library}, log);
  if (!runtime.ok()) return fail(runtime.status().to_string());
  auto reference = load_ort_backend(*runtime, model, {}, nullptr);
  auto replaced = load_ort_backend(*runtime, model, {}, nullptr);
  if (!reference.ok()) return fail(reference.status().to_string());
  if (!replaced.ok()) return fail(replaced.status().to_string());
  auto choice = choose_tree_backend(*std::move(replaced), model, TreeExecution::native);
  if (!choice.ok()) return fail(choice.status().to_string());
  std::fprintf(stderr, "%s\n", choice->reason.c_str());
  const auto file = read_file(model, kFileBytesMax);
  if (!file.ok()) return fail(file.status().to_string());
  const auto graph = read_tree_graph(*file);
  if (!graph.ok()) return fail(graph.status().to_string());
  const Signature& signature = choice->backend->signature();
  const std::int64_t declared = signature.inputs[0].dims[1];
  const std::int64_t width = declared == kAnySize ? graph->forest.features : declared;
  auto theirs = (*reference)->make_executor();
  auto ours = choice->backend->make_executor();
  if (!theirs.ok()) return fail(theirs.status().to_string());
  if (!ours.ok()) return fail(ours.status().to_string());
  return measure(**theirs, **ours, rows_of(graph->forest, width), width, signature.outputs.size());
}

}  // namespace
}  // namespace mlops::micro

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: mlops-trees LIBONNXRUNTIME MODEL.onnx\n");
    return 2;
  }
  return mlops::micro::run(argv[1], argv[2]);
}
