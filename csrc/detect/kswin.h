#pragma once
// KSWIN: the newest values of a sliding window against a random sample of the rest of it, by an
// exact Kolmogorov-Smirnov test at every value (Raab and others 2020).

#include "detect/detector.h"
#include "detect/python_random.h"

namespace mlops {

class Kswin {
 public:
  static constexpr Domain kDomain = Domain::finite;
  static constexpr std::int64_t kWindowMax = 1 << 20;
  static constexpr std::int64_t kStatSizeMax = 10000;  // beyond, the exact law is no longer used
  struct Options {
    double alpha = 0.005;  // level of each single test: one is made at every value
    std::int64_t window_size = 100;
    std::int64_t stat_size = 30;  // of both samples
    double min_distance = 0.1;    // smaller distances are never alarms
    std::uint64_t seed = 0;
  };
  static Result<Kswin> make(Options options);

  Verdict update(double value);
  Verdict verdict() const { return verdict_; }
  void reset();

 private:
  explicit Kswin(Options options);
  bool halves_differ();

  Options options_;
  std::int64_t alarm_steps_;  // the least distance that alarms, in steps of 1 / stat_size
  Verdict verdict_ = Verdict::stable;
  PythonRandom random_;
  std::vector<double> ring_;
  std::size_t at_ = 0;  // the oldest value, once the ring is full
  bool full_ = false;
  std::vector<double> old_, recent_;  // scratch
  std::vector<std::uint32_t> drawn_, scratch_;
};

}  // namespace mlops
