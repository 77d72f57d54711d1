#pragma once
// How good predictions were, as sums that are merged by adding: confusion, losses and a histogram
// of scores for classes, moments of the error for numbers. Plain data.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/status.h"

namespace mlops {

enum class Task : std::uint8_t { binary, classes, regression };

inline constexpr std::size_t kScoreBins = 256;
inline constexpr std::int32_t kClassesMax = 64;

struct Bounds {
  double low, high;
};

class Quality {
 public:
  Quality() = default;
  Quality(Task task, std::int32_t classes);  // binary has 2, regression 0

  // Whether `label` is one of the task's, and `score` and `predicted` are too.
  bool admits(double score, std::int32_t predicted, double label) const;
  void add(double score, std::int32_t predicted, double label);     // admitted
  void remove(double score, std::int32_t predicted, double label);  // that was added
  void merge(const Quality& other);                                 // of the same task and classes
  void clear();

  std::uint64_t count() const { return n_; }
  std::int32_t classes() const { return classes_; }
  std::uint64_t confusion(std::int32_t label, std::int32_t predicted) const;
  // Of nothing, all are NaN.
  double accuracy() const;
  double precision(std::int32_t of) const;
  double recall(std::int32_t of) const;
  double f1(std::int32_t of) const;
  double log_loss() const;  // binary, as is what follows
  double brier() const;
  // AUROC lies between these: pairs in one bin of the score are counted as lost and as won.
  Bounds auroc() const;
  double bias() const;  // regression, as is what follows; error = predicted - label
  double mean_absolute_error() const;
  double mean_squared_error() const;
  double r_squared() const;

  friend bool operator==(const Quality&, const Quality&) = default;

 private:
  void count(double score, std::int32_t predicted, double label, bool more);

  Task task_ = Task::binary;
  std::int32_t classes_ = 0;
  std::uint64_t n_ = 0;
  std::vector<std::uint64_t> confusion_;  // label * classes + predicted
  std::vector<std::uint64_t> scores_;     // binary: of label 0, then of label 1
  double log_loss_ = 0, brier_ = 0;
  double error_ = 0, absolute_ = 0, squared_ = 0, label_ = 0, label_squared_ = 0;
};

}  // namespace mlops
