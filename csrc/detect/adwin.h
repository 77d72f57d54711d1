#pragma once
// ADWIN: a window that is as long as its mean has not changed (Bifet and Gavaldà 2007).
//
// The window is kept as an exponential histogram: row i holds up to max_buckets buckets of 2^i
// values each, oldest first, the oldest row last. Every `clock` values, each border between two
// buckets is tried as the place of a change; as long as one is, the oldest bucket is dropped.
// Memory is O(max_buckets * log(width)), a value costs O(1) and a check O(log(width)).

#include "detect/detector.h"

namespace mlops {

class Adwin {
 public:
  static constexpr Domain kDomain = Domain::finite;
  static constexpr std::int64_t kBucketsMax = 4096;  // of one row
  struct Options {
    double delta = 0.002;     // the chance of a false cut at a check
    std::int64_t clock = 32;  // values between checks
    std::int64_t max_buckets = 5;
    std::int64_t min_window_length = 5;  // of both sides of a cut
    std::int64_t grace_period = 10;      // values before the first check
  };
  static Result<Adwin> make(Options options);

  Verdict update(double value);
  Verdict verdict() const { return verdict_; }
  void reset();

  // Of the window as it is now; after an alarm, of what the next value will forget.
  double width() const { return width_; }
  double mean() const { return width_ == 0 ? 0 : total_ / width_; }
  double variance() const { return width_ == 0 ? 0 : squares_ / width_; }

 private:
  struct Bucket {
    double total;
    double squares;  // of the deviations from its mean
  };

  explicit Adwin(Options options);
  std::size_t capacity() const { return static_cast<std::size_t>(options_.max_buckets) + 1; }
  Bucket* row(std::size_t i) { return buckets_.data() + i * capacity(); }
  const Bucket* row(std::size_t i) const { return buckets_.data() + i * capacity(); }
  void insert(double value);
  void merge_full_rows();
  void drop_oldest();
  bool changed_somewhere() const;

  Options options_;
  Verdict verdict_ = Verdict::stable;
  std::vector<Bucket> buckets_;      // rows, one behind the other
  std::vector<std::size_t> filled_;  // buckets in use, of each row
  std::int64_t ticks_ = 0;
  double width_ = 0;
  double total_ = 0;
  double squares_ = 0;
};

}  // namespace mlops
