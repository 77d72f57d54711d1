#pragma once
// compare_stream() for many windows against one reference: what the reference gives to the
// distances is worked out once. Immutable; any thread.

#include <memory>
#include <vector>

#include "observe/distance_kernel.h"
#include "observe/stream_comparison.h"

namespace mlops {

class StreamComparer {
 public:
  StreamComparer(StreamCounts reference, BinGeometry geometry,
                 InstructionSet set = best_instruction_set());
  explicit StreamComparer(const StreamReference& stream);

  // `window` combines with the reference's counts. What compare_stream() finds, to rounding.
  StreamComparison compare(const StreamCounts& window) const;

 private:
  void add_cells();
  OrderedDistances ordered(const StreamCounts& window) const;

  StreamCounts reference_;
  BinGeometry geometry_;
  const DistanceKernel* kernel_;
  ReferenceCells cells_;
  OwnRates rates_;
  MeanAndStd moments_;
  std::uint64_t rows_ = 0;
};

// One for each stream of a reference, in its order.
using ReferenceComparer = std::vector<StreamComparer>;
using ReferenceComparerPtr = std::shared_ptr<const ReferenceComparer>;
ReferenceComparerPtr comparer_of(const Reference& reference);

}  // namespace mlops
