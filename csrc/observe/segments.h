#pragma once
// Segments: the rows of a model apart by what one of its streams is, a category or a range. Each
// has counts of its own on the bins of all rows, so that segments add up to the whole to the bit,
// and what a change is made of can be shared out among them.

#include <memory>
#include <string>
#include <vector>

#include "observe/reference.h"
#include "observe/row_counter.h"

namespace mlops {

// Which segment of `by` a staged value's row is in: ranges in order, or categories by their code,
// then for categories the rest, then missing.
std::size_t segment_of(const Segmentation& by, float value);
std::size_t segments_of(const Reference& reference);  // of all segmentations

struct SegmentPlace {
  const Segmentation* by = nullptr;
  std::size_t index = 0;  // of its segments
};
// Of one of all segments, in the order of the segmentations.
SegmentPlace segment_place(const Reference& reference, std::size_t segment);
// "carrier = UA", "distance [500, 1500)", "carrier: other", "distance: missing".
std::string segment_name(const Reference& reference, std::size_t segment);

// By segment of a reference, in their order.
using SegmentCounts = std::vector<CountsTable>;
SegmentCounts empty_segments(const Reference& reference);
void add_segments(SegmentCounts& to, const SegmentCounts& from);
void clear_segments(SegmentCounts& counts);

// Whether segmentations are of these streams, in their order, and not too many.
Status check_segmentations(const std::vector<Segmentation>& segmentations,
                           const std::vector<StreamReference>& streams);

struct SegmentWish {
  std::size_t stream = 0;
  std::vector<float> edges;      // of a numeric stream
  std::uint32_t categories = 0;  // of a categorical one: the most frequent; 0: as many as fit
};
// Segmentations that have counted no row yet.
Result<std::vector<Segmentation>> plan_segments(const std::vector<StreamReference>& streams,
                                                const std::vector<SegmentWish>& wishes);

// Counts rows by segment. A reference that declares none costs nothing. One owner at a time.
class SegmentCounter {
 public:
  explicit SegmentCounter(ReferencePtr reference);

  bool any() const { return !counters_.empty(); }
  // Rows as they are staged for a RowCounter of the same reference.
  void add(const float* rows, std::size_t count, std::size_t stride);
  // Adds what was counted to `to`, and forgets it.
  void take(SegmentCounts& to);

 private:
  ReferencePtr reference_;
  std::vector<std::unique_ptr<RowCounter>> counters_;  // by segment
};

}  // namespace mlops
