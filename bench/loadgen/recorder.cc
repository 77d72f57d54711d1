#include "loadgen/recorder.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace mlops::loadgen {

std::uint64_t Window::errors() const {
  return std::accumulate(outcomes.begin() + 1, outcomes.end(), std::uint64_t{0});
}

void Window::add(const Window& other) {
  latency.add(other.latency);
  for (std::size_t i = 0; i < kOutcomeCount; ++i) outcomes[i] += other.outcomes[i];
  duration_s += other.duration_s;
  client_cpu_s += other.client_cpu_s;
  client_busy_s += other.client_busy_s;
  if (other.server_cpu_s) server_cpu_s = server_cpu_s.value_or(0) + *other.server_cpu_s;
}

Recorder::Recorder(const Timing& timing, std::function<CpuSample()> sample_cpu)
    : timing_(timing),
      sample_cpu_(std::move(sample_cpu)),
      windows_(static_cast<std::size_t>(timing.windows)),
      next_edge_(timing.measure_from_ns()) {}

void Recorder::advance(std::int64_t now_ns) {
  while (!finished() && now_ns >= next_edge_) {
    const CpuSample sample = sample_cpu_();
    if (current_ >= 0) {
      Window& window = windows_[static_cast<std::size_t>(current_)];
      window.duration_s = static_cast<double>(now_ns - opened_ns_) * 1e-9;
      window.client_cpu_s = sample.client_s - opened_.client_s;
      window.client_busy_s = sample.busy_s - opened_.busy_s;
      if (sample.server_s && opened_.server_s) {
        window.server_cpu_s = *sample.server_s - *opened_.server_s;
      }
    }
    opened_ = sample;
    opened_ns_ = now_ns;
    ++current_;
    next_edge_ += timing_.window_ns;
  }
}

Window* Recorder::window_of(std::int64_t intended_ns) {
  const std::int64_t since = intended_ns - timing_.measure_from_ns();
  if (since < 0 || intended_ns >= timing_.end_ns()) return nullptr;
  return &windows_[static_cast<std::size_t>(since / timing_.window_ns)];
}

void Recorder::on_finish(std::int64_t intended_ns, std::int64_t now_ns, Outcome outcome) {
  Window* by_finish =
      current_ >= 0 && !finished() ? &windows_[static_cast<std::size_t>(current_)] : nullptr;
  Window* by_intent = window_of(intended_ns);
  // An error found while draining belongs to the window that asked for it: it must not vanish.
  Window* counted =
      by_finish == nullptr && finished() && outcome != Outcome::kOk ? by_intent : by_finish;
  if (counted != nullptr) ++counted->outcomes[static_cast<std::size_t>(outcome)];
  if (outcome != Outcome::kOk) return;
  Window* measured = timing_.open_loop ? by_intent : by_finish;
  if (measured != nullptr) {
    measured->latency.record(
        static_cast<std::uint64_t>(std::max<std::int64_t>(0, now_ns - intended_ns)));
  }
}

void Recorder::on_unfinished(std::int64_t intended_ns, std::int64_t now_ns) {
  Window* window = window_of(intended_ns);
  if (window == nullptr) return;
  ++unfinished_;
  window->latency.record(
      static_cast<std::uint64_t>(std::max<std::int64_t>(0, now_ns - intended_ns)));
}

}  // namespace mlops::loadgen
