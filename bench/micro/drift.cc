// mlops-drift: what counting costs. Stages rows of float32 in batches and folds full tiles, and
// prints nanoseconds per row and per value as one JSON object, for each kernel this processor has;
// and what a lane's observer takes for each batch, all that it does on a request's way.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "observe/drift_observer.h"
#include "observe/reference_build.h"
#include "observe/row_counter.h"
#include "observe/stage.h"

namespace mlops::micro {
namespace {

constexpr std::size_t kRows = 8192;  // of a round
constexpr std::size_t kSourceRows = 512;
constexpr int kRounds = 41;

struct Cost {
  double stage_ns;  // per row, the copy alone
  double total_ns;  // per row, with the folds
};

double now_ns() {
  return static_cast<double>(std::chrono::steady_clock::now().time_since_epoch().count());
}

ReferencePtr make_reference(std::size_t columns, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<StreamReference> streams;
  std::vector<float> column(20000);
  for (std::uint32_t c = 0; c < columns; ++c) {
    for (float& value : column) value = normal(random);
    streams.push_back(
        numeric_reference({StreamRole::input, "x", c, std::to_string(c)}, column, {}));
  }
  return *seal_reference(std::move(streams));
}

// The source is as much as the cache holds, and more than a processor remembers the branches of.
double round_ns(RowCounter& counter, const ColumnRun& run, const Tensor& tensor, std::size_t batch,
                bool fold) {
  const double start = now_ns();
  for (std::size_t row = 0; row < kRows; row += batch) {
    std::size_t first = row % kSourceRows;
    for (std::size_t left = batch; left > 0;) {
      const std::size_t rows = std::min(left, counter.free_rows());
      stage_run(run, tensor, run.count, first, rows, counter.next_row(), counter.stride());
      counter.stage(rows);
      left -= rows;
      first += rows;
      if (counter.free_rows() > 0) continue;
      if (fold) {
        counter.fold();
      } else {
        counter.discard();
      }
    }
  }
  return (now_ns() - start) / static_cast<double>(kRows);
}

Cost measure(const ReferencePtr& reference, const FoldKernel& kernel, const Tensor& tensor,
             std::size_t batch) {
  const ColumnRun run{StreamRole::input, 0, 0, 0, reference->streams.size(), nullptr};
  RowCounter counter(reference, kernel);
  CountsTable table = reference->empty_counts();
  std::vector<double> stage;
  std::vector<double> total;
  for (int i = 0; i < kRounds; ++i) {
    stage.push_back(round_ns(counter, run, tensor, batch, false));
    total.push_back(round_ns(counter, run, tensor, batch, true));
    counter.take(table);
  }
  std::ranges::sort(stage);
  std::ranges::sort(total);
  return {stage[kRounds / 2], total[kRounds / 2]};
}

// Of a lane whose every row is counted, with the clock of a server.
double observed_ns(const ReferencePtr& reference, const Tensor& tensor, std::size_t batch) {
  const auto columns = static_cast<std::int64_t>(reference->streams.size());
  TensorSpec input;
  input.name = "x";
  input.dtype = DType::f32;
  input.dims = {kAnySize, columns};
  const Signature signature{{input}, {}};
  DriftOptions options;
  options.cost_share_max = 1e9;
  const SteadyClock clock;
  LaneObserver lane(*DriftObserver::create(signature, signature, reference, options), clock);
  const std::size_t size = batch * reference->streams.size() * sizeof(float);
  std::vector<Tensor> batches;
  for (std::size_t row = 0; row < kSourceRows; row += batch) {
    const std::size_t first = row * reference->streams.size() * sizeof(float);
    batches.push_back({DType::f32, Shape{}, tensor.bytes.subspan(first, size), {}});
  }
  std::vector<double> rounds;
  for (int i = 0; i < kRounds; ++i) {
    TimePoint now = clock.now();
    const double start = now_ns();
    for (std::size_t row = 0; row < kRows; row += batch) {
      const Tensor& rows = batches[row % kSourceRows / batch];
      lane.observe({{&rows, 1}, {}, batch}, now += std::chrono::nanoseconds(100));
      lane.after_reply();
    }
    rounds.push_back((now_ns() - start) / static_cast<double>(kRows));
  }
  std::ranges::sort(rounds);
  return rounds[kRounds / 2];
}

int run(std::size_t columns) {
  std::mt19937 random(1);
  const ReferencePtr reference = make_reference(columns, random);
  std::normal_distribution<float> normal;
  std::vector<float> rows(kSourceRows * columns);
  for (float& value : rows) value = normal(random);
  const Tensor tensor{DType::f32, Shape{}, std::as_bytes(std::span(rows)), {}};
  std::printf("{\"schema\":\"mlops-drift/1\",\"columns\":%zu,\"bins\":32,\"kernels\":{", columns);
  const FoldKernel* const kernels[] = {&plain_fold_kernel(), avx2_fold_kernel(),
                                       avx512_fold_kernel()};
  bool first_kernel = true;
  for (const FoldKernel* kernel : kernels) {
    if (!kernel) continue;
    std::printf("%s\"%s\":{", first_kernel ? "" : ",", kernel->name);
    first_kernel = false;
    for (const std::size_t batch : {1U, 8U, 32U, 128U}) {
      const Cost cost = measure(reference, *kernel, tensor, batch);
      std::printf("%s\"%zu\":{\"stage_ns_per_row\":%.1f,\"ns_per_row\":%.1f,\"ns_per_value\":%.3f}",
                  batch == 1 ? "" : ",", batch, cost.stage_ns, cost.total_ns,
                  cost.total_ns / static_cast<double>(columns));
    }
    std::printf("}");
  }
  std::printf("},\"observer_ns_per_row\":{");
  for (const std::size_t batch : {1U, 8U, 32U, 128U}) {
    std::printf("%s\"%zu\":%.1f", batch == 1 ? "" : ",", batch,
                observed_ns(reference, tensor, batch));
  }
  std::printf("}}\n");
  return 0;
}

}  // namespace
}  // namespace mlops::micro

int main(int argc, char** argv) {
  const long columns = argc > 1 ? std::atol(argv[1]) : 32;
  if (columns < 1 || columns > 4096) {
    std::fprintf(stderr, "usage: mlops-drift [COLUMNS]\n");
    return 2;
  }
  return mlops::micro::run(static_cast<std::size_t>(columns));
}
