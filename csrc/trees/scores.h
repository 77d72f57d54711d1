#pragma once
// From leaves to answers, by ONNX Runtime's rules and in its order: leaf weights are added one tree
// after the other, in the forest's own precision, then base values, then the class, then the
// transform. So on one thread the bits are the same.

#include <cstdint>
#include <vector>

#include "base/status.h"
#include "trees/forest.h"
#include "trees/leaf_finder.h"

namespace mlops {

// Where a tile's answers go. `classes` are positions in ClassRule; null when there are none.
struct ScoreRoom {
  void* scores = nullptr;  // rows x targets, float, or double when Forest::wide_output
  std::int64_t* classes = nullptr;
};

class Scorer {
 public:
  virtual ~Scorer() = default;
  virtual void start(std::size_t rows) = 0;
  virtual void add(const LeafRange& range, std::size_t rows) = 0;
  virtual void finish(std::size_t rows, const ScoreRoom& room) = 0;
};

// unimplemented for what ONNX Runtime leaves undefined. One thread at a time; allocates only here.
Result<std::unique_ptr<Scorer>> make_scorer(const Forest& forest);

}  // namespace mlops
