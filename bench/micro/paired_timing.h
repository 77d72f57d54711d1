// Interleaved timing of calls that differ by less than the machine drifts in a second.
//
// Every round times a short block of each candidate, in an order that rotates; the figure of a
// candidate is the median call of each block, and of a difference the median over rounds of what
// two candidates did in the same round.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace mlops::micro {

struct TimedCandidate {
  std::string name;
  std::function<bool(std::size_t call)> call;  // false: failed, and the timing is void
  std::vector<double> round_p50_ns;
};

struct TimingOptions {
  int rounds = 400;
  int calls = 200;  // of one candidate in a round, after `warm` that are not timed
  int warm = 20;
};

// False when a call failed; its candidate's name is in `error`.
bool time_interleaved(std::vector<TimedCandidate>& candidates, const TimingOptions& options,
                      std::string& error);

struct Spread {
  double median = 0;
  double low = 0;   // 5th percentile over rounds
  double high = 0;  // 95th
};
Spread spread_of(std::vector<double> values);
Spread difference(const TimedCandidate& of, const TimedCandidate& over);

}  // namespace mlops::micro
