#pragma once
// What a share is, as far as k of n rows tell, however often one has looked on the way there.

#include <cstdint>

namespace mlops {

struct RateInterval {
  double rate = 0;  // k / n; 0 of no rows
  double low = 0;
  double high = 1;
};

// A confidence sequence: with probability at least 1 - alpha the true share lies in the intervals
// of all n at once (the beta-binomial mixture of Robbins, 1970, with weights Beta(1/2, 1/2)).
// About 1.4 times as wide as an interval that is right for one n only. k <= n.
RateInterval rate_interval(std::uint64_t k, std::uint64_t n, double alpha = 0.05);

}  // namespace mlops
