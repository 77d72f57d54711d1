#include "micro/paired_timing.h"

#include <algorithm>
#include <ctime>

namespace mlops::micro {
namespace {

std::int64_t now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

// The clock's own cost is in every candidate alike, so it leaves their differences; the figures
// keep it.
bool time_block(TimedCandidate& candidate, const TimingOptions& options, std::size_t first) {
  for (int i = 0; i < options.warm; ++i) {
    if (!candidate.call(first++)) return false;
  }
  std::vector<double> calls(static_cast<std::size_t>(options.calls));
  for (double& call : calls) {
    const std::int64_t before = now_ns();
    const bool good = candidate.call(first++);
    call = static_cast<double>(now_ns() - before);
    if (!good) return false;
  }
  std::nth_element(calls.begin(), calls.begin() + options.calls / 2, calls.end());
  candidate.round_p50_ns.push_back(calls[static_cast<std::size_t>(options.calls) / 2]);
  return true;
}

}  // namespace

bool time_interleaved(std::vector<TimedCandidate>& candidates, const TimingOptions& options,
                      std::string& error) {
  for (int round = 0; round < options.rounds; ++round) {
    const auto first = static_cast<std::size_t>(round) * static_cast<std::size_t>(options.calls);
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      TimedCandidate& next = candidates[(i + static_cast<std::size_t>(round)) % candidates.size()];
      if (time_block(next, options, first)) continue;
      error = next.name;
      return false;
    }
  }
  return true;
}

Spread spread_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const auto at = [&](double q) {
    return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
  };
  return {at(0.5), at(0.05), at(0.95)};
}

Spread difference(const TimedCandidate& of, const TimedCandidate& over) {
  std::vector<double> differences;
  for (std::size_t i = 0; i < of.round_p50_ns.size(); ++i) {
    differences.push_back(of.round_p50_ns[i] - over.round_p50_ns[i]);
  }
  return spread_of(std::move(differences));
}

}  // namespace mlops::micro
