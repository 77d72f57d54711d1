#pragma once
// Means that are updated in a fixed order of operations, because the alarms of detectors depend on
// the last bit of them.

namespace mlops {

struct RunningMean {
  double n = 0;
  double mean = 0;

  void add(double value) {
    n += 1;
    mean += (1 / n) * (value - mean);
  }
};

// Welford's; variance() is of a sample.
struct RunningVariance {
  RunningMean mean;
  double squares = 0;

  void add(double value) {
    const double before = mean.mean;
    mean.add(value);
    squares += (value - before) * (value - mean.mean);
  }
  double variance() const { return mean.n > 1 ? squares / (mean.n - 1) : 0; }
};

}  // namespace mlops
