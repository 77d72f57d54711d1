#pragma once
// Counts rows against a reference: rows are staged into a tile of floats, tiles are folded, and
// what was folded is handed over as counts. One owner at a time. Allocates when it is made, and
// never after.
//
// A row has a float for each stream of the reference, in its order; a category's is its code.

#include <cstddef>
#include <memory>
#include <vector>

#include "observe/fold_kernel.h"
#include "observe/reference.h"

namespace mlops {

class RowCounter {
 public:
  // A tile has `rows_max` rows (a whole number of kRowStep), of very wide rows fewer.
  explicit RowCounter(ReferencePtr reference, const FoldKernel& kernel = fold_kernel(),
                      std::size_t rows_max = kTileRows);

  const Reference& reference() const { return *reference_; }

  std::size_t stride() const { return stride_; }  // floats from row to row
  std::size_t free_rows() const { return tile_rows_ - staged_; }
  float* next_row() { return tile_.get() + staged_ * stride_; }
  void stage(std::size_t rows) { staged_ += rows; }  // which have been written at next_row()
  std::size_t staged() const { return staged_; }
  void discard() { staged_ = 0; }

  // Counts the staged rows, however few.
  void fold();
  // Counts rows where they lie: stride() floats each, as many as the reference has streams. How
  // many it counted; the rest is to be staged: what is no whole step, and all of them if anything
  // is staged already, if they are not aligned to 64 bytes, or if a stream is counted value by
  // value.
  std::size_t fold_in_place(const float* rows, std::size_t count);
  std::uint64_t folded() const { return folded_; }  // rows since take()
  // Adds what was folded to counts of this reference, and forgets it.
  void take(CountsTable& to);

 private:
  struct AlignedDelete {
    void operator()(float* memory) const { ::operator delete (memory, std::align_val_t{64}); }
  };
  // Of a stream that the kernel does not count: categories, and numbers in more bins than its.
  struct WideStream {
    std::size_t stream = 0;
    std::vector<float> edges;           // as a search of equal steps, NaN beyond the last one
    std::vector<std::uint64_t> counts;  // of bins; of codes, the other and the new one last
  };

  void add_wide(const StreamReference& stream, std::size_t index);
  void fold_wide(WideStream& wide);
  void take_stream(std::size_t index, const std::uint64_t* bins, StreamCounts& to) const;

  ReferencePtr reference_;
  const FoldKernel& kernel_;
  std::size_t stride_;
  std::size_t tile_rows_;
  std::size_t staged_ = 0;
  std::uint64_t folded_ = 0;
  std::unique_ptr<float[], AlignedDelete> tile_;
  std::vector<BlockEdges> edges_;
  std::vector<BlockSums> sums_;
  std::vector<WideStream> wide_;
};

}  // namespace mlops
