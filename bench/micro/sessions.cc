// mlops-sessions: one session for all lanes, or one session each; with ONNX Runtime's arena, or
// without. Behind ADR 6.
//
// Threads that do nothing but run the model, each with its own executor, in short slices; the
// arrangements take turns within a round. The rate is the 95th percentile over rounds: other
// processes can only lower a slice, and what is asked is what the threads do to each other. `cpu`
// is the median of what a run used.
#include <time.h>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.h"
#include "execute/ort_backend.h"

namespace mlops::micro {
namespace {

constexpr int kRounds = 200;
constexpr auto kSlice = std::chrono::milliseconds(4);

struct Arrangement {
  std::string name;
  bool shared;
  bool arena;
  bool preallocated;
  std::vector<std::unique_ptr<Backend>> backends;
  std::vector<std::unique_ptr<Executor>> executors;
  std::vector<double> runs_per_s;
  std::vector<double> cpu_ns_per_run;
};

double thread_cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

Tensor room(const TensorSpec& spec, std::int64_t batch) {
  Shape shape;
  for (const std::int64_t size : spec.dims) shape.push_back(size < 0 ? batch : size);
  Tensor tensor{spec.dtype, shape, {}, allocate_buffer(dense_size(spec.dtype, shape).value_or(0))};
  std::ranges::fill(writable(tensor.owner), std::byte{0});
  tensor.bytes = writable(tensor.owner);
  return tensor;
}

struct Share {
  double runs = 0;
  double runs_per_s = 0;
  double cpu_ns = 0;
  bool failed = false;
};

// For one slice. Each thread looks at the clock itself, so that nobody has to be scheduled to stop
// it.
Share run_slice(Executor& executor, const Signature& signature, std::int64_t batch,
                bool preallocate) {
  std::vector<Tensor> inputs;
  for (const TensorSpec& spec : signature.inputs) inputs.push_back(room(spec, batch));
  std::vector<OutputSlot> places;
  for (const TensorSpec& spec : signature.outputs) {
    places.push_back({true, preallocate ? room(spec, batch) : Tensor{}});
  }
  Share share;
  const double cpu_start = thread_cpu_ns();
  const auto start = std::chrono::steady_clock::now();
  auto now = start;
  while (now - start < kSlice) {
    std::vector<OutputSlot> slots = places;
    if (!executor.run(inputs, slots).ok()) share.failed = true;
    ++share.runs;
    now = std::chrono::steady_clock::now();
  }
  share.cpu_ns = thread_cpu_ns() - cpu_start;
  share.runs_per_s = share.runs / std::chrono::duration<double>(now - start).count();
  return share;
}

// False when a run failed.
bool time_once(Arrangement& arrangement, std::int64_t batch) {
  const std::size_t threads = arrangement.executors.size();
  std::vector<Share> shares(threads);
  {
    std::barrier start(static_cast<std::ptrdiff_t>(threads));
    std::vector<std::jthread> workers;
    for (std::size_t t = 0; t < threads; ++t) {
      workers.emplace_back([&, t] {
        const Backend& backend = *arrangement.backends[arrangement.shared ? 0 : t];
        start.arrive_and_wait();
        shares[t] = run_slice(*arrangement.executors[t], backend.signature(), batch,
                              arrangement.preallocated);
      });
    }
  }
  Share all;
  for (const Share& share : shares) {
    if (share.failed) return false;
    all.runs += share.runs;
    all.cpu_ns += share.cpu_ns;
    all.runs_per_s += share.runs_per_s;
  }
  arrangement.runs_per_s.push_back(all.runs_per_s);
  arrangement.cpu_ns_per_run.push_back(all.cpu_ns / all.runs);
  return true;
}

Status open(Arrangement& arrangement, const std::shared_ptr<OrtRuntime>& runtime,
            const std::string& model, std::size_t threads) {
  OrtOptions options;
  options.memory_arena = arrangement.arena;
  for (std::size_t t = 0; t < threads; ++t) {
    if (t == 0 || !arrangement.shared) {
      auto backend = load_ort_backend(runtime, model, options, nullptr);
      if (!backend.ok()) return backend.status();
      arrangement.backends.push_back(*std::move(backend));
    }
    auto executor = arrangement.backends.back()->make_executor();
    if (!executor.ok()) return executor.status();
    arrangement.executors.push_back(*std::move(executor));
  }
  return {};
}

double quantile(std::vector<double> values, double q) {
  std::ranges::sort(values);
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

int fail(const std::string& why) {
  std::fprintf(stderr, "mlops-sessions: %s\n", why.c_str());
  return 1;
}

int run(const std::string& library, const std::string& model, std::size_t threads,
        std::int64_t batch) {
  NullLog log;
  auto runtime = OrtRuntime::open({library}, log);
  if (!runtime.ok()) return fail(runtime.status().to_string());
  std::vector<Arrangement> arrangements;
  for (const bool shared : {true, false}) {
    for (const bool arena : {false, true}) {
      for (const bool preallocated : {true, false}) {
        Arrangement& made = arrangements.emplace_back();
        made.name = std::string(shared ? "one session" : "session each") +
                    (arena ? ", arena" : ", no arena") +
                    (preallocated ? ", outputs given" : ", outputs allocated");
        made.shared = shared;
        made.arena = arena;
        made.preallocated = preallocated;
        if (Status s = open(made, *runtime, model, threads); !s.ok()) return fail(s.to_string());
      }
    }
  }
  for (int round = 0; round < kRounds; ++round) {
    for (Arrangement& arrangement : arrangements) {
      if (!time_once(arrangement, batch)) return fail("a run failed");
    }
  }
  std::printf("%zu threads, batch %lld\n", threads, static_cast<long long>(batch));
  for (const Arrangement& arrangement : arrangements) {
    std::printf("%-44s %9.0f runs/s %7.0f ns cpu per run\n", arrangement.name.c_str(),
                quantile(arrangement.runs_per_s, 0.95), quantile(arrangement.cpu_ns_per_run, 0.5));
  }
  return 0;
}

}  // namespace
}  // namespace mlops::micro

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: mlops-sessions LIBONNXRUNTIME MODEL THREADS BATCH\n");
    return 2;
  }
  return mlops::micro::run(argv[1], argv[2], static_cast<std::size_t>(std::atoi(argv[3])),
                           std::atoll(argv[4]));
}
