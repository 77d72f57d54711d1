#pragma once
// Which finder for how many rows: what is fastest depends on the shape of the trees and on the
// processor, so it is measured, in some milliseconds.

#include <memory>
#include <string>

#include "trees/leaf_finder.h"

namespace mlops {

struct FinderChoice {
  std::shared_ptr<const LeafFinder> few;
  std::shared_ptr<const LeafFinder> many;  // from `many_from` rows in a tile on; may be the same
  std::size_t many_from = kTileRows + 1;

  const LeafFinder& for_rows(std::size_t rows) const { return rows < many_from ? *few : *many; }
  // As a log line has it.
  std::string text() const;
};

// The forest outlives it.
FinderChoice choose_finders(const Forest& forest);

}  // namespace mlops
