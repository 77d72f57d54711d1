#include "batch/batch_size_search.h"

#include <algorithm>
#include <bit>
#include <cstddef>

namespace mlops {
namespace {

constexpr double kEager = 0.5;
constexpr double kPatient = 1.0 / 64;
constexpr unsigned kRunsToCompare = 3;
// Smaller batches answer sooner, so less is asked of them.
constexpr double kFasterWhenLarger = 0.96;
constexpr double kFasterWhenSmaller = 0.99;

}  // namespace

BatchSizeSearch::BatchSizeSearch(std::int64_t rows_max)
    : rows_max_(std::max<std::int64_t>(rows_max, 1)),
      top_(std::min<std::size_t>(kLevels - 1, static_cast<std::size_t>(std::bit_width(
                                                  static_cast<std::uint64_t>(rows_max_) - 1)))) {}

// The last size is the limit itself, a power of two or not.
std::int64_t BatchSizeSearch::rows_of(std::size_t level) const {
  return level >= top_ ? rows_max_ : std::int64_t{1} << level;
}

BatchSizeSearch::Known& BatchSizeSearch::known_of(const BucketKey& bucket) {
  const auto found = all_.find(bucket);
  if (found != all_.end()) return found->second;
  const bool full = all_.size() >= kBucketsMax;
  const Known fresh{{}, top_, top_, top_, 0, kEager, top_};
  return all_.try_emplace(full ? BucketKey() : bucket, fresh).first->second;
}

std::size_t BatchSizeSearch::level_of(std::int64_t rows) const {
  const auto width = std::bit_width(static_cast<std::uint64_t>(rows) - 1);
  return std::min<std::size_t>(top_, static_cast<std::size_t>(width));
}

// The sizes in turn, downwards: the small ones cost little to try. A size that what waits does not
// fill is left out: nothing would be learned.
void BatchSizeSearch::choose_target(Known& known, std::int64_t rows_waiting) const {
  for (std::size_t i = 0; i <= top_; ++i) {
    if (known.cursor == 0) {
      known.cursor = top_ + 1;
      known.share = known.gained ? kEager : std::max(known.share / 2, kPatient);
      known.gained = false;
    }
    known.target = --known.cursor;
    if (known.target != known.base && rows_of(known.target) <= rows_waiting) return;
  }
  known.target = known.base;
}

std::int64_t BatchSizeSearch::next(const BucketKey& bucket, std::int64_t rows_waiting) {
  Known& known = known_of(bucket);
  known.base = std::min(known.best, level_of(std::max<std::int64_t>(rows_waiting, 1)));
  if (known.credit_ns < 0 || known.sizes[known.base].runs < kRunsToCompare) {
    return rows_of(known.best);
  }
  if (known.target == known.base || rows_of(known.target) > rows_waiting) {
    choose_target(known, rows_waiting);
  }
  return rows_of(known.target);
}

void BatchSizeSearch::ran(const BucketKey& bucket, std::int64_t rows, Duration took) {
  if (rows < 1 || rows > rows_max_) return;
  const std::size_t level = level_of(rows);
  Known& known = known_of(bucket);
  Size& size = known.sizes[level];
  const double ns = static_cast<double>(took.count()) / static_cast<double>(rows);
  size.ns_per_row = size.ns_per_row == 0 ? ns : size.ns_per_row + (ns - size.ns_per_row) / 4;
  ++size.runs;
  const bool trial = known.target != known.base && level == known.target;
  known.credit_ns += static_cast<double>(took.count()) * (trial ? -1 : known.share);
  if (trial) decide(known);
}

void BatchSizeSearch::decide(Known& known) const {
  Size& base = known.sizes[known.base];
  Size& tried = known.sizes[known.target];
  if (base.runs < kRunsToCompare || tried.runs < kRunsToCompare) return;
  base.runs = tried.runs = 0;  // of the base so many again before the next trial
  const double faster = known.target < known.base ? kFasterWhenSmaller : kFasterWhenLarger;
  if (tried.ns_per_row < faster * base.ns_per_row) {
    known.best = known.base = known.target;
    known.gained = true;
  }
  known.target = known.base;
}

}  // namespace mlops
