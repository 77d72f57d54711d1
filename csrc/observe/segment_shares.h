#pragma once
// Which segments a stream's change is made of. The divergence between before and now is a sum over
// cells of (q - p) ln(q / p); q - p is the sum of what each segment gained and lost there, so each
// segment has a share of the divergence, be it that its rows changed or that it has more of them.

#include <cstddef>
#include <vector>

#include "observe/counts.h"

namespace mlops {

struct SegmentShare {
  std::size_t segment = 0;  // of the reference's, in order
  double share = 0;         // of the divergence; those of one segmentation add up to 1
  double before = 0;        // the segment's share of the rows
  double now = 0;
  double psi_debiased = 0;  // of its own rows, against its own before
};

// `before` and `now`: the stream's counts in each segment of one segmentation, not all empty. By
// segment, numbered from `first`.
std::vector<SegmentShare> segment_shares(const std::vector<StreamCounts>& before,
                                         const std::vector<StreamCounts>& now, std::size_t first);

// The rows of one stream since its change, by segment. Follows a detector that looks at all of
// them. One writer.
class SegmentsSinceChange {
 public:
  // By segmentation and segment, of the reference's own rows; an empty segmentation is not looked
  // at, but has its segments' numbers.
  SegmentsSinceChange() = default;
  SegmentsSinceChange(std::vector<std::vector<StreamCounts>> before, std::size_t stream);

  // After the detector saw the same rows: `all` is what it counts since the change.
  void see(const std::vector<CountsTable>& segments, const StreamCounts& tile,
           const StreamCounts& all);
  // The three largest shares of each segmentation, largest first.
  std::vector<SegmentShare> largest() const;

 private:
  std::vector<std::vector<StreamCounts>> before_;
  std::vector<std::vector<StreamCounts>> now_;
  std::size_t stream_ = 0;
};

}  // namespace mlops
