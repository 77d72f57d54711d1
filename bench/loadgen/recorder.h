// What was measured: a warm-up that is thrown away, then N windows of equal nominal length.
//
// Sans time: every call brings its own instant, so tests need no clock. In an open loop a request
// belongs to the window it was *meant* to be sent in, in a closed loop to the one it finished in;
// `completed` (and so throughput and CPU per request) always counts by finish. Not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "loadgen/histogram.h"
#include "loadgen/outcome.h"

namespace mlops::loadgen {

struct CpuSample {
  double client_s = 0;
  double busy_s =
      0;  // wall time of loop turns that had work; what "busy" means when the client spins
  std::optional<double> server_s;
};

struct Window {
  Histogram latency;
  std::array<std::uint64_t, kOutcomeCount>
      outcomes{};  // by finish; outcomes[kOk] is what throughput counts
  double duration_s = 0;
  double client_cpu_s = 0;
  double client_busy_s = 0;
  std::optional<double> server_cpu_s;

  std::uint64_t completed() const { return outcomes[0]; }
  std::uint64_t errors() const;
  void add(const Window& other);
};

struct Timing {
  bool open_loop = false;
  std::int64_t start_ns = 0;
  std::int64_t warmup_ns = 0;
  std::int64_t window_ns = 0;
  int windows = 1;

  std::int64_t measure_from_ns() const { return start_ns + warmup_ns; }
  std::int64_t end_ns() const { return measure_from_ns() + window_ns * windows; }
};

class Recorder {
 public:
  Recorder(const Timing& timing, std::function<CpuSample()> sample_cpu);

  // Closes the windows whose end has passed; call once per turn of the loop, before its events.
  void advance(std::int64_t now_ns);
  bool finished() const { return current_ == static_cast<int>(windows_.size()); }
  std::int64_t next_edge_ns() const { return next_edge_; }

  void on_finish(std::int64_t intended_ns, std::int64_t now_ns, Outcome outcome);
  // A request of an open loop that had no reply when the run gave up: its latency is at least this.
  void on_unfinished(std::int64_t intended_ns, std::int64_t now_ns);

  const std::vector<Window>& windows() const { return windows_; }
  std::uint64_t unfinished() const { return unfinished_; }
  const Timing& timing() const { return timing_; }

 private:
  Window* window_of(std::int64_t intended_ns);

  Timing timing_;
  std::function<CpuSample()> sample_cpu_;
  std::vector<Window> windows_;
  int current_ = -1;  // -1: warm-up; windows_.size(): over
  std::int64_t next_edge_;
  std::int64_t opened_ns_ = 0;
  CpuSample opened_;
  std::uint64_t unfinished_ = 0;
};

}  // namespace mlops::loadgen
