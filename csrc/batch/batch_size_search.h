#pragma once
// Which size of batch does most rows a second, found while serving: larger is not always better. A
// convolution or a transformer whose batch no longer fits the cache takes longer for each row, a
// tree of matrices shorter, and it depends on the lengths of the inputs, so nothing that is tried
// at load can tell. For models whose runs are long: a few clock readings are nothing beside one.
//
// For each bucket of shapes, over powers of two: now and then some batches have another size than
// the best so far, all in turn, for there are plateaus with cliffs behind them; what takes
// distinctly less time a row becomes the best. Where less waits than the best, the smallest size
// that holds it stands in for it. Not thread-safe: the owner's lock guards it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>

#include "base/clock.h"
#include "batch/job.h"

namespace mlops {

class BatchSizeSearch {
 public:
  explicit BatchSizeSearch(std::int64_t rows_max);

  // Most rows that the next batch of this bucket should have; so many wait.
  std::int64_t next(const BucketKey& bucket, std::int64_t rows_waiting);
  void ran(const BucketKey& bucket, std::int64_t rows, Duration took);

 private:
  // Clients choose shapes: what is learned of them is bounded, and others share one.
  static constexpr std::size_t kBucketsMax = 64;
  static constexpr std::size_t kLevels = 32;  // sizes 1, 2, 4 ... rows_max

  struct Size {
    double ns_per_row = 0;  // of recent runs
    unsigned runs = 0;      // since it was last compared
  };
  struct Known {
    std::array<Size, kLevels> sizes{};
    std::size_t best;
    std::size_t base;    // what runs between trials: the best, or less where less waits
    std::size_t target;  // what is tried beside the base; itself: nothing yet
    // Time that trials may take: they spend it, other runs earn a share of theirs.
    double credit_ns = 0;
    double share;         // of the time
    std::size_t cursor;   // the last target; 0: all had their turn
    bool gained = false;  // by what had its turn
  };

  std::int64_t rows_of(std::size_t level) const;
  std::size_t level_of(std::int64_t rows) const;  // of the smallest size that holds them
  Known& known_of(const BucketKey& bucket);
  void choose_target(Known& known, std::int64_t rows_waiting) const;
  void decide(Known& known) const;

  const std::int64_t rows_max_;
  const std::size_t top_;  // level of rows_max
  std::map<BucketKey, Known> all_;
};

}  // namespace mlops
