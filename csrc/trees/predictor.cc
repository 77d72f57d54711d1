#include "trees/predictor.h"

#include <algorithm>
#include <utility>

namespace mlops {
namespace {

// Leaves of so many trees for a whole tile stay in the first-level cache until they are added up.
constexpr std::uint32_t kTreesAtOnce = 64;

}  // namespace

TreePredictor::TreePredictor(Forest forest) : forest_(std::move(forest)) {
  finder_ = make_walk_finder(forest_);
  if (!finder_) finder_ = make_plain_finder(forest_);
}

Result<std::unique_ptr<TreePredictor>> TreePredictor::make(Forest forest) {
  std::unique_ptr<TreePredictor> predictor(new TreePredictor(std::move(forest)));
  if (Result<std::unique_ptr<Scorer>> scorer = make_scorer(predictor->forest_); !scorer.ok()) {
    return scorer.status();
  }
  return predictor;
}

Result<std::unique_ptr<TreePredictor::Session>> TreePredictor::make_session() const {
  Result<std::unique_ptr<Scorer>> scorer = make_scorer(forest_);
  if (!scorer.ok()) return scorer.status();
  return std::unique_ptr<Session>(new Session(*this, *std::move(scorer)));
}

TreePredictor::Session::Session(const TreePredictor& predictor, std::unique_ptr<Scorer> scorer)
    : predictor_(predictor), scorer_(std::move(scorer)), leaves_(kTreesAtOnce * kTileRows) {}

void TreePredictor::Session::run(const RowTile& tile, const ScoreRoom& room) {
  const auto trees = static_cast<std::uint32_t>(predictor_.forest_.roots.size());
  scorer_->start(tile.count);
  for (std::uint32_t first = 0; first < trees; first += kTreesAtOnce) {
    const LeafRange range = {first, std::min(trees, first + kTreesAtOnce), leaves_.data(),
                             tile.count};
    predictor_.finder_->find(tile, range);
    scorer_->add(range, tile.count);
  }
  scorer_->finish(tile.count, room);
}

}  // namespace mlops
